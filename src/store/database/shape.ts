import type { CatalogColumn, CatalogTable } from './catalog.ts';
import type { TimeEncoding } from './time-encoding.ts';

export type KeyKind = 'text' | 'uuid' | 'integer';

export interface KeyColumn {
  readonly name: string;
  readonly kind: KeyKind;
}

export interface TimeColumn {
  readonly name: string;
  readonly encoding: TimeEncoding;
}

export interface SessionTable {
  readonly schema: string | null;
  readonly name: string;
  readonly id: KeyColumn;
  readonly userId: KeyColumn;
  readonly token: string;
  readonly expiresAt: TimeColumn;
  readonly createdAt: TimeColumn;
  readonly updatedAt: TimeColumn;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  /** Of the admin plugin; holds the id of a user. */
  readonly impersonatedBy: KeyColumn | null;
  /** Of the organization plugin. */
  readonly activeOrganizationId: string | null;
  /** Names of columns that hold no field that sessionctl reads. */
  readonly unrecognised: readonly string[];
  /** Columns that the database itself sets at every UPDATE unless told otherwise (MySQL's ON UPDATE). */
  readonly touched: readonly string[];
  /** PostgreSQL's row-level security may hide rows from this account. */
  readonly hidesRows: boolean;
}

export interface UserTable {
  readonly schema: string | null;
  readonly name: string;
  readonly id: KeyColumn;
  readonly email: string | null;
  readonly displayName: string | null;
  /** Of the admin plugin. */
  readonly banned: CatalogColumn | null;
  readonly banExpires: CatalogColumn | null;
  readonly catalog: CatalogTable;
}

/** Tokens of the OAuth provider plugin, which die with the session that they are bound to. */
export interface TokenTable {
  readonly schema: string | null;
  readonly name: string;
  readonly sessionId: KeyColumn;
  readonly revoked: string;
  /** Of refresh tokens: those with the scope `offline_access` outlive their session. Null for access tokens. */
  readonly scopes: string | null;
  /** Columns that say how this table writes moments, `revoked` first. */
  readonly times: readonly CatalogColumn[];
  /** As of the session table. */
  readonly touched: readonly string[];
  readonly catalog: CatalogTable;
}

/** Keys of the API key plugin. */
export interface ApiKeyTable {
  readonly schema: string | null;
  readonly name: string;
  /** The user, or another entity, that a key belongs to. */
  readonly owner: string;
}

/** What Better Auth keeps of links that were mailed and codes that were sent. */
export interface VerificationTable {
  readonly schema: string | null;
  readonly name: string;
  readonly id: KeyColumn;
  readonly expiresAt: CatalogColumn;
  readonly value: string;
  readonly catalog: CatalogTable;
}

/** What sessionctl changed: its own table, made by `schema migrate`. */
export interface HistoryTable {
  readonly schema: string | null;
  readonly name: string;
}

/** Where one deployment keeps what Better Auth calls session and user: recognised once, then passed as a value. */
export interface Shape {
  readonly session: SessionTable;
  readonly user: UserTable | null;
  /** A user table that cannot be used, since no column of it is known as the id. */
  readonly usersWithoutId: string | null;
  readonly tokens: readonly TokenTable[];
  readonly apiKeys: ApiKeyTable | null;
  readonly verifications: VerificationTable | null;
  readonly history: HistoryTable | null;
}
