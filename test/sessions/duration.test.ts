import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, isDuration, parseDuration } from '../../src/sessions/duration.ts';
import { InvalidValueError } from '../../src/sessions/invalid-value.ts';

test.each([
  ['90s', 90_000],
  ['15m', 900_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  ['4w', 2_419_200_000],
  ['0s', 0],
])('%s is %i ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(['', ' 7d', '7d ', '7', 'd', '-7d', '1.5h', '7D', '7 d', '1h30m', '7y', '٧d', '1234567890s'])(
  '%j is not a duration',
  (text) => {
    expect(isDuration(text)).toBe(false);
    expect(() => parseDuration(text)).toThrow(InvalidValueError);
  },
);

test('what is formatted is read back, to the second', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 900_000_000 }), (seconds) => {
      expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
    }),
  );
});

test('what is read is formatted in its largest whole unit', () => {
  expect(formatDuration(parseDuration('2w'))).toBe('14d');
  expect(formatDuration(parseDuration('120m'))).toBe('2h');
  expect(formatDuration(parseDuration('90m'))).toBe('90m');
  expect(formatDuration(999)).toBe('0s');
});
