import { millisecondsOf, toInstant, type Instant } from './instant.ts';
import type { Session } from './session.ts';

/** The settings of the application's `betterAuth({ session })`, in milliseconds. */
export interface SessionLengths {
  readonly expiresIn: number;
  readonly updateAge: number;
  /** `disableSessionRefresh`. */
  readonly disableRefresh: boolean;
}

/**
 * The time until which a session is fresh as it is stored, at most until it expires. Better Auth 1.7 requires a fresh
 * session before it changes a password's account or deletes a user (`freshSessionMiddleware`): `createdAt + freshAge`.
 * @param freshAge milliseconds; 0 means forever
 * @returns null for forever, and where the creation time is not known
 */
export function freshUntil({ createdAt, expiresAt }: Session, freshAge: number): Instant | null {
  if (createdAt === null || freshAge === 0) return null;
  const until = toInstant(millisecondsOf(createdAt) + freshAge);
  return expiresAt !== null && expiresAt < until ? expiresAt : until;
}

/** The times of one row are not read from the clock at the same instant. */
const SLACK = 60_000;

/**
 * The time from which the next request refreshes the session. Better Auth 1.7 does so once `expiresAt - expiresIn +
 * updateAge <= now` (`getSession` in its source).
 * @returns null where nothing refreshes it: it has expired, the application refreshes no sessions, or it was given less
 * than `expiresIn` from the start, as after a sign-in without "remember me", which Better Auth never refreshes
 */
export function refreshDueAt(
  session: Session,
  { expiresIn, updateAge, disableRefresh }: SessionLengths,
): Instant | null {
  if (disableRefresh || session.state === 'expired' || session.expiresAt === null) return null;
  const lastSet = millisecondsOf(session.expiresAt) - expiresIn;
  if (session.createdAt !== null && lastSet < millisecondsOf(session.createdAt) - SLACK) return null;
  return toInstant(Math.max(0, lastSet + updateAge));
}
