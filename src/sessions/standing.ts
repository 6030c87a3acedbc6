import type { Instant } from './instant.ts';
import type { Session } from './session.ts';

/** What secondary storage holds under a token. */
export interface CachedCopy {
  /** Null where the value cannot be read. Better Auth may read it. */
  readonly session: Session | null;
  /** A mark of Better Auth's says that the sessions of this user have ended that were made before it. */
  readonly revoked: boolean;
}

/** What every place says of one session that Better Auth may ask. */
export interface Standing {
  /** Null where secondary storage holds nothing; undefined where the deployment has none. */
  readonly cached: CachedCopy | null | undefined;
  /** Null where there is no row; undefined where the deployment keeps none. */
  readonly row: Session | null | undefined;
  /** Rows are kept as records: for what secondary storage does not hold they are not asked. */
  readonly rowsAreRecords: boolean;
  /** Null where there is nothing to tell of: no session, or no user table. */
  readonly user: UserStanding | null;
}

/** What the user table says of a user. */
export interface UserStanding {
  readonly exists: boolean;
  /** By the admin plugin, at present. */
  readonly banned: boolean;
  /** Null for a ban without an end. */
  readonly banExpires: Instant | null;
}

/** Asks each place by itself, where the other methods of a store tell what holds for all of them. Writes nothing. */
export interface Standings {
  byToken(token: string): Promise<Standing>;
  byId(id: string): Promise<Standing>;
}

/** What the stores alone would answer, without a copy in a cookie. */
export type StoredReason = 'live' | 'unknown' | 'expired' | 'revoked' | 'ended' | 'user-gone' | 'unreadable';

export interface StoredVerdict {
  readonly reason: StoredReason;
  /** Where the answer comes from; null where there is none. */
  readonly place: 'secondary' | 'database' | null;
  readonly session: Session | null;
}

/**
 * As `findSession` and `getSession` of better-auth 1.7.25 decide: secondary storage first, which is believed, with the user
 * that it holds; the row only for what it does not hold, unless rows are records; and only a session that expires before
 * this very moment has expired.
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
 * In what the copies of a session differ, or where one is missing; empty where they agree, null where there is but one
 * place to stand in.
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
