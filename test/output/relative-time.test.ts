import { expect, test } from 'vitest';
import { relativeTime } from '../../src/output/relative-time.ts';
import type { Instant } from '../../src/sessions/instant.ts';

const now = '2026-11-23T14:00:00.000Z' as Instant;

test.each([
  ['2026-11-23T14:00:00.999Z', 'now'],
  ['2026-11-23T13:59:59.000Z', '1s ago'],
  ['2026-11-23T13:59:00.001Z', '59s ago'],
  ['2026-11-23T13:59:00.000Z', '1m ago'],
  ['2026-11-23T11:00:00.000Z', '3h ago'],
  ['2026-11-21T14:00:00.001Z', '47h ago'],
  ['2026-11-21T14:00:00.000Z', '2d ago'],
  ['2026-11-30T13:59:59.999Z', 'in 6d'],
  ['2025-11-23T14:00:00.000Z', '365d ago'],
  ['2023-11-23T14:00:00.000Z', '3y ago'],
])('%s is %s', (instant, text) => {
  expect(relativeTime(instant as Instant, now)).toBe(text);
});
