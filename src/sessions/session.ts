import type { Instant } from './instant.ts';

/**
 * Live while its expiry is in the future of the store's clock, as Better Auth judges it: one that is no date does not expire,
 * and one that is missing has expired.
 */
export type SessionState = 'active' | 'expired';

/** Where a session stands: in the database, in secondary storage (Redis), or in both. */
export type SessionPlace = 'database' | 'secondary' | 'both';

/** The times that every session has. */
export type SessionTime = 'createdAt' | 'updatedAt' | 'expiresAt';

/** One session as a person may see it. The token is not part of it; its fingerprint is. */
export interface Session {
  readonly id: string;
  /** Null only where the database lets it be, which Better Auth does not. */
  readonly userId: string | null;
  /** Null where there is no user table, or no such user any more. */
  readonly userEmail: string | null;
  readonly userName: string | null;
  readonly state: SessionState;
  readonly createdAt: Instant | null;
  /** Moves when the session is refreshed, except with Better Auth up to 1.2.8. */
  readonly updatedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** The last sign-in or refresh, as `activityOf` reads it: the best "last active" that Better Auth keeps. */
  readonly lastActiveAt: Instant | null;
  /** Times that are null because what is stored cannot be read; absent where there is none. */
  readonly unreadableTimes?: readonly SessionTime[];
  /** As stored, not trusted: it may be empty, or hold anything behind a misconfigured proxy. */
  readonly ipAddress: string | null;
  /** As the client sent it: anything at all. */
  readonly userAgent: string | null;
  /** The administrator behind an impersonation (admin plugin). */
  readonly impersonatedBy: string | null;
  /** The organization plugin's choice of the session. */
  readonly activeOrganizationId: string | null;
  readonly store: SessionPlace;
  /** The first 12 hexadecimal digits of the token's SHA-256: it names a token without giving it away. */
  readonly tokenFingerprint: string;
}

/** A user as sessions refer to one. */
export interface User {
  readonly id: string;
  readonly email: string | null;
  readonly name: string | null;
}
