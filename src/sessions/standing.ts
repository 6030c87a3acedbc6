import type { Instant } from './instant.ts';
import type { Session } from './session.ts';

/** The value in secondary storage under a token. */
export interface CachedCopy {
  /** Null where the value is unreadable. Better Auth may be able to read it. */
  readonly session: Session | null;
  /** A mark of Better Auth says that this user's sessions created before it have ended. */
  readonly revoked: boolean;
}

/** The state of one session in every store that Better Auth may ask. */
export interface Standing {
  /** Null where secondary storage holds nothing; undefined where the deployment has none. */
  readonly cached: CachedCopy | null | undefined;
  /** Null where there is no row; undefined where the deployment keeps none. */
  readonly row: Session | null | undefined;
  /** Rows are kept as records: they do not count for a session that secondary storage does not hold. */
  readonly rowsAreRecords: boolean;
  /** Null where there is no session, or no user table. */
  readonly user: UserStanding | null;
}

/** The status of a user in the user table. */
export interface UserStanding {
  readonly exists: boolean;
  /** By the admin plugin, at present. */
  readonly banned: boolean;
  /** Null for a ban without an end. */
  readonly banExpires: Instant | null;
}

/** Asks each store by itself; the other methods of a store combine them. Writes nothing. */
export interface Standings {
  byToken(token: string): Promise<Standing>;
  byId(id: string): Promise<Standing>;
}

/** The verdict of the stores alone, without a copy in a cookie. */
export type StoredReason = 'live' | 'unknown' | 'expired' | 'revoked' | 'ended' | 'user-gone' | 'unreadable';

export interface StoredVerdict {
  readonly reason: StoredReason;
  /** The store that gives the answer; null where there is none. */
  readonly place: 'secondary' | 'database' | null;
  readonly session: Session | null;
}

/**
 * Decides like `findSession` and `getSession` of better-auth 1.7.25: secondary storage is asked first and trusted, with
 * the user in it. The row counts only if secondary storage does not hold the session, and only if rows are not records.
 * A session has expired only if its expiry is before the current moment.
 */
export function storedVerdict({ cached, row, rowsAreRecords, user }: Standing, now: Instant): StoredVerdict {
  if (cached !== null && cached !== undefined) {
    const { session } = cached;
    const reason =
      session === null
        ? 'unreadable'
        : cached.revoked
          ? 'revoked'
          : hasExpired(session, now)
            ? 'expired'
            : 'live';
    return { reason, place: 'secondary', session };
  }
  if (row === null || row === undefined) return { reason: 'unknown', place: null, session: null };
  const reason =
    cached === null && rowsAreRecords
      ? 'ended'
      : user?.exists === false
        ? 'user-gone'
        : hasExpired(row, now)
          ? 'expired'
          : 'live';
  return { reason, place: 'database', session: row };
}

function hasExpired({ state, expiresAt }: Session, now: Instant): boolean {
  return expiresAt === null ? state === 'expired' : expiresAt < now;
}

/** Columns may hold whole seconds, where secondary storage holds milliseconds. */
const ROUNDING = 1000;

/**
 * The differences between the copies of a session, or a missing copy; empty where they agree, null where there is only
 * one store.
 */
export function disagreements({ cached, row, rowsAreRecords }: Standing): readonly string[] | null {
  if (cached === undefined || row === undefined) return null;
  if (cached?.session === null || cached === null) {
    const found = cached === null ? 'holds nothing of it' : 'holds a value that sessionctl cannot read';
    return [
      `secondary storage ${found}${rowsAreRecords && cached === null ? ': it has ended, and the row is its record' : ''}`,
    ];
  }
  if (row === null) return ['the database has no row of it'];
  const { session } = cached;
  const apart = Math.abs(milliseconds(session.expiresAt) - milliseconds(row.expiresAt));
  return [
    ...(apart < ROUNDING
      ? []
      : [
          `the expiry: ${text(session.expiresAt)} in secondary storage, ${text(row.expiresAt)} in the database`,
        ]),
    ...(session.userId === row.userId
      ? []
      : [`the user: ${text(session.userId)} in secondary storage, ${text(row.userId)} in the database`]),
    ...(session.id === row.id
      ? []
      : [`the id: ${session.id} in secondary storage, ${row.id} in the database`]),
    ...(cached.revoked ? ['secondary storage holds it as revoked'] : []),
  ];
}

function milliseconds(instant: Instant | null): number {
  return instant === null ? 0 : Date.parse(instant);
}

function text(value: string | null): string {
  return value ?? 'none';
}
