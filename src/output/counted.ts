import { grouped } from '../grouped.ts';

/** `1 session`, `12,000 sessions`. */
export function counted(number: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(number)} ${number === 1 ? noun : plural}`;
}

/** The word for a number: `is` with one, `are` with any other. */
export function inNumber(number: number, one: string, many: string): string {
  return number === 1 ? one : many;
}
