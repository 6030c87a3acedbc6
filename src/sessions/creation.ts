import type { Instant } from './instant.ts';
import type { UserStanding } from './standing.ts';

/** The values of a new session; the store supplies the rest. */
export interface NewSession {
  readonly userId: string;
  /** The credential itself. Shown only in the cookie. */
  readonly token: string;
  readonly createdAt: Instant;
  /** In whole seconds, which columns of every kind can hold. */
  readonly expiresAt: Instant;
  readonly userAgent: string;
}

/** Creates sessions in a store, like a sign-in. */
export interface SessionCreation {
  /** Null where there is no user table. */
  userStanding(userId: string): Promise<UserStanding | null>;
  /**
   * Checks whether something would prevent the creation of a session.
   * @throws SchemaError naming the columns that need a value that only the application knows
   * @throws ConfigError where times are stored without a zone and no zone is configured
   */
  check(): Promise<void>;
  /**
   * Tries the statements on no row.
   * @throws ConnectionError naming the right that the account lacks
   */
  rehearse(): Promise<void>;
  /**
   * Writes a session to every store of the deployment, or to none. Runs to its end even after the signal.
   * @returns its id
   * @throws ConnectionError where a store refuses; unless the message says otherwise, no session was created
   */
  create(session: NewSession): Promise<string>;
  /** Removes a session that `create` has made and whose cookie was never printed. */
  remove(token: string): Promise<void>;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** A random text like Better Auth's ids and tokens: `generateId(32)`, letters and digits with equal probability. */
export function generateToken(length = 32): string {
  const fair = 256 - (256 % LETTERS.length);
  let text = '';
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(2 * length)))
      if (byte < fair && text.length < length) text += LETTERS.charAt(byte % LETTERS.length);
  }
  return text;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * A new id in the format of the deployment's ids: a UUID if all known ids are UUIDs, otherwise Better Auth's default.
 * An id in another format also works, since its content has no meaning.
 */
export function generateIdLike(known: readonly string[]): string {
  return known.length > 0 && known.every((id) => UUID.test(id)) ? crypto.randomUUID() : generateToken();
}
