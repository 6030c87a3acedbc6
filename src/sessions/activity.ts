import { millisecondsOf, toInstant, type Instant } from './instant.ts';
import { MissingSettingError } from './invalid-value.ts';
import type { Session } from './session.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Sessions that are read to find out whether a refresh moves `updatedAt`. */
export const ACTIVITY_SAMPLE = 1000;

/**
 * The last sign-in or refresh of a session. A refresh sets the expiry to the current time plus `expiresIn`, and with
 * Better Auth up to 1.2.8 it does not change `updatedAt`. So the activity is the later of `updatedAt` and `expiresAt -
 * expiresIn`.
 * @param expiresIn milliseconds, as configured; null uses `updatedAt` alone
 * @returns null where a needed time is missing or unreadable
 */
export function activityOf(
  { updatedAt, expiresAt }: Pick<Session, 'updatedAt' | 'expiresAt'>,
  expiresIn: number | null,
): Instant | null {
  if (expiresIn === null || updatedAt === null) return updatedAt;
  if (expiresAt === null) return null;
  const refreshedAt = millisecondsOf(expiresAt) - expiresIn;
  return refreshedAt > millisecondsOf(updatedAt) ? toInstant(refreshedAt) : updatedAt;
}

/**
 * The expiry that a refresh at this moment would set, to compare with `expiresAt`; null where expiries say nothing
 * about activity.
 */
export function expiryAfterRefresh(
  moment: Instant | null,
  { expiresIn }: { readonly expiresIn: number | null },
): Instant | null {
  return moment === null || expiresIn === null ? null : toInstant(millisecondsOf(moment) + expiresIn);
}

/** The fields of a session that show whether a refresh moves `updatedAt`. */
export interface RefreshEvidence {
  readonly createdAt: Instant | null;
  readonly updatedAt: Instant | null;
  readonly expiresAt: Instant | null;
  readonly isImpersonation: boolean;
}

/**
 * Whether some expiry has moved while `updatedAt` has not changed since the sign-in. Of the active sessions with
 * `updatedAt` equal to `createdAt`, the one with the shortest life was not refreshed and shows the life that a sign-in
 * gives. One with a longer life was refreshed, at `expiresAt` minus that life, if that moment is past and no other
 * session has the same life or expiry: many sessions of one life are sign-ins from before session.expiresIn was
 * shortened, and many of one expiry were created by a script. Impersonations, and sign-ins without "remember me", which
 * last a day, have their own lives and show nothing.
 */
export function updatesStandStill(sessions: Iterable<RefreshEvidence>, now: Instant): boolean {
  const unmoved = [...sessions].flatMap((session) => lifeOf(session, now) ?? []);
  const alike = new Map<string, number>();
  for (const key of unmoved.flatMap(keysOf)) alike.set(key, (alike.get(key) ?? 0) + 1);
  const shortest = unmoved.reduce((least, { length }) => Math.min(least, length), Infinity);
  return unmoved.some(
    (life) =>
      life.length > shortest + MINUTE &&
      life.expiry - shortest <= millisecondsOf(now) + MINUTE &&
      keysOf(life).every((key) => alike.get(key) === 1),
  );
}

/** In milliseconds. */
interface Life {
  readonly length: number;
  readonly expiry: number;
}

/** The life of a session from its sign-in; null where it says nothing about refreshes. */
function lifeOf(
  { createdAt, updatedAt, expiresAt, isImpersonation }: RefreshEvidence,
  now: Instant,
): Life | null {
  if (createdAt === null || updatedAt === null || expiresAt === null) return null;
  if (isImpersonation || expiresAt <= now) return null;
  const created = millisecondsOf(createdAt);
  const expiry = millisecondsOf(expiresAt);
  const isUnmoved = Math.abs(millisecondsOf(updatedAt) - created) <= 1000;
  const length = expiry - created;
  return isUnmoved && Math.abs(length - DAY) > MINUTE ? { length, expiry } : null;
}

/**
 * Sessions with a common key count as alike. The two times of a sign-in are not read from the clock at the same
 * instant.
 */
function keysOf({ length, expiry }: Life): readonly string[] {
  return [`length ${String(Math.round(length / 1000))}`, `expiry ${String(expiry)}`];
}

/**
 * Refuses to judge activity by `updatedAt` where refreshes do not move it.
 * @param sample active sessions, the first `ACTIVITY_SAMPLE` in the store's order: a search for the relevant ones would
 * read all of a big table
 * @throws MissingSettingError asking for `expires_in`
 */
export async function requireMovingUpdates(
  sample: AsyncIterable<readonly Session[]>,
  now: Instant,
): Promise<void> {
  const sessions: RefreshEvidence[] = [];
  for await (const chunk of sample)
    for (const session of chunk)
      sessions.push({ ...session, isImpersonation: session.impersonatedBy !== null });
  if (!updatesStandStill(sessions, now)) return;
  throw new MissingSettingError(
    '--idle-since and --active-after need expires_in here: refreshes move expiresAt but not updatedAt (Better Auth up to 1.2.8), so updatedAt does not show which sessions are active',
    'Set expires_in in [profiles.<name>.session] to session.expiresIn of the application, "7d" by default.',
  );
}
