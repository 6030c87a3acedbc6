import type { Instant } from './instant.ts';

/**
 * Active while its expiry is in the future of the store's clock, by Better Auth's rules: an expiry that is no date
 * never passes, and a session without an expiry has expired.
 */
export type SessionState = 'active' | 'expired';

/** Where a session is stored: in the database, in secondary storage (Redis), or in both. */
export type SessionPlace = 'database' | 'secondary' | 'both';

/** The times that every session has. */
export type SessionTime = 'createdAt' | 'updatedAt' | 'expiresAt';

/** One session as a reader may see it. The token is not part of it; its fingerprint is. */
export interface Session {
  readonly id: string;
  /** Null only where the database allows it, which Better Auth does not. */
  readonly userId: string | null;
  /** Null where there is no user table, or the user is deleted. */
  readonly userEmail: string | null;
  readonly userName: string | null;
  readonly state: SessionState;
  readonly createdAt: Instant | null;
  /** Changes when the session is refreshed, except with Better Auth up to 1.2.8. */
  readonly updatedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** The last sign-in or refresh, by the rules of `activityOf`: the best "last active" that Better Auth keeps. */
  readonly lastActiveAt: Instant | null;
  /** Times that are null because the stored value is unreadable; absent where there is none. */
  readonly unreadableTimes?: readonly SessionTime[];
  /** As stored, not trusted: it may be empty, or any text behind a misconfigured proxy. */
  readonly ipAddress: string | null;
  /** As the client sent it: any text. */
  readonly userAgent: string | null;
  /** The administrator behind an impersonation (admin plugin). */
  readonly impersonatedBy: string | null;
  /** The active organization of the session (organization plugin). */
  readonly activeOrganizationId: string | null;
  readonly store: SessionPlace;
  /** The first 12 hexadecimal digits of the token's SHA-256: it identifies a token without revealing it. */
  readonly tokenFingerprint: string;
}

/** A user as sessions refer to one. */
export interface User {
  readonly id: string;
  readonly email: string | null;
  readonly name: string | null;
}
