import { InvalidValueError } from './invalid-value.ts';
import { shownValue } from './shown-value.ts';

const MILLISECONDS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const LENGTH = /^(\d{1,9})(s|m|h|d|w)$/;

/** Whether a text has the form of a duration: digits and one of s, m, h, d, w. */
export function isDuration(text: string): boolean {
  return LENGTH.test(text);
}

/**
 * Reads a duration: `90s`, `15m`, `2h`, `7d`, `4w`.
 * @returns milliseconds
 * @throws InvalidValueError for anything else
 */
export function parseDuration(text: string): number {
  const match = LENGTH.exec(text);
  if (match === null) {
    throw new InvalidValueError(
      `${shownValue(text)} is not a duration`,
      'Write a whole number and a unit: 90s, 15m, 2h, 7d or 4w.',
    );
  }
  return Number(match[1]) * MILLISECONDS[match[2] as keyof typeof MILLISECONDS];
}

/** The duration in its largest whole unit up to days, in the form of `parseDuration`; less than a second is `0s`. */
export function formatDuration(milliseconds: number): string {
  const units = (['d', 'h', 'm', 's'] as const).map((unit) => [unit, MILLISECONDS[unit]] as const);
  const fits = units.find(([, size]) => milliseconds >= size && milliseconds % size === 0);
  const [unit, size] = fits ?? ['s', 1000];
  return `${String(Math.floor(milliseconds / size))}${unit}`;
}
