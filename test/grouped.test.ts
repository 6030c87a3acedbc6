import { expect, test } from 'vitest';
import { grouped } from '../src/grouped.ts';

test.each([
  0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 2 ** 31, Number.MAX_SAFE_INTEGER, -1, -999, -1000, -123_456,
  0.1, 12.5, 1234.5, 1234.567, 12_345.6789 / 10, 0.125,
])('%d is grouped as the languages of the world have it written in English', (number) => {
  expect(grouped(number)).toBe(number.toLocaleString('en-US', { maximumFractionDigits: 20 }));
}); // prettier-ignore
