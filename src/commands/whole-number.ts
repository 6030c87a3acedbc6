import { InvalidValueError } from '../sessions/invalid-value.ts';
import { shownValue } from '../sessions/shown-value.ts';

/**
 * The value of an option that counts things, from 1 on.
 * @param things such as `sessions`
 * @throws InvalidValueError
 */
export function parseWholeNumber(option: string, text: string, things: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidValueError(
    `${option}: ${shownValue(text)} is not a whole number of ${things}`,
    `Write 1 or more, such as ${option} 50.`,
  );
}
