import { expect, it } from 'vitest';
import { millisecondsOf, toInstant } from '../../src/sessions/instant.ts';
import { sweepCutoff } from '../../src/sessions/sweep.ts';

const clock = toInstant(Date.parse('2026-11-23T10:00:00.123Z'));

it.each([
  [0, true, '2026-11-23T10:00:00.123Z'],
  [0, false, '2026-11-22T22:00:00.123Z'],
  [3_600_000, true, '2026-11-23T09:00:00.123Z'],
  [3_600_000, false, '2026-11-22T21:00:00.123Z'],
])('with a grace of %d ms, the zone being known %j, what had expired by %s goes', (grace, known, cutoff) => {
  expect(sweepCutoff(clock, grace, known)).toBe(cutoff);
});

it('a grace longer than there have been clocks keeps everything', () => {
  for (const grace of [millisecondsOf(clock), 999_999_999 * 604_800_000])
    expect(millisecondsOf(sweepCutoff(clock, grace, false))).toBeLessThanOrEqual(0);
});
