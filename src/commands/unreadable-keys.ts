import { IncompleteError } from '../errors.ts';
import { unreadableText } from '../output/unreadable.ts';

/**
 * Keys in Redis that look like sessions, and whose values cannot be read, may be sessions of anyone.
 * @throws IncompleteError where there are any
 */
export function failForUnreadableKeys(unreadable: number): void {
  if (unreadable === 0) return;
  throw new IncompleteError(unreadableText(unreadable), {
    hint: "The application's adapter writes values that sessionctl does not know. Their users' other sessions are not concerned; see docs/redis.md.",
  });
}
