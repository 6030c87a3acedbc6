import type { Instant } from './instant.ts';
import type { UserStanding } from './standing.ts';

/** What a new session is made of; the rest comes from the store. */
export interface NewSession {
  readonly userId: string;
  /** The credential itself. Never shown but in the cookie. */
  readonly token: string;
  readonly createdAt: Instant;
  /** In whole seconds, which columns of every kind can hold. */
  readonly expiresAt: Instant;
  readonly userAgent: string;
}

/** How a store makes sessions, as a sign-in would. */
export interface SessionCreation {
  /** Null where there is no user table. */
  userStanding(userId: string): Promise<UserStanding | null>;
  /**
   * Looks for what would keep a session from being made.
   * @throws SchemaError naming the columns that need a value which only the application knows
   * @throws ConfigError where times are stored without a zone and nobody said which one
   */
  check(): Promise<void>;
  /** Tries the statements on no row. @throws ConnectionError naming what the account may not do */
  rehearse(): Promise<void>;
  /**
   * Writes a session to every place where the deployment keeps sessions, or to none. Carried to its end whatever the signal.
   * @returns its id
   * @throws ConnectionError where a place refuses, and then no session was made
   */
  create(session: NewSession): Promise<string>;
  /** Takes back what `create` has made: nobody has its cookie. */
  remove(token: string): Promise<void>;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** As Better Auth makes ids and tokens: `generateId(32)`, letters and digits, each as likely as the others. */
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
 * A new id in the form that a deployment gives its ids: a UUID where all that are known are some, else as Better Auth does
 * by default. An id of another form does as well: nothing reads anything into it.
 */
export function generateIdLike(known: readonly string[]): string {
  return known.length > 0 && known.every((id) => UUID.test(id)) ? crypto.randomUUID() : generateToken();
}
