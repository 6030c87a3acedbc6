import { expect, test } from 'vitest';
import { counted } from '../../src/output/counted.ts';

test('a noun goes with its number', () => {
  expect(counted(1, 'session')).toBe('1 session');
  expect(counted(0, 'session')).toBe('0 sessions');
  expect(counted(12_000, 'batch', 'batches')).toBe('12,000 batches');
});
