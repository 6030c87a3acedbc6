import type { WayBack } from '../../../sessions/ways-back.ts';
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
  /** Columns that the database sets at every UPDATE unless the statement sets them (MySQL's ON UPDATE). */
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

/** Tokens of the OAuth provider plugin, which end with the session that they are bound to. */
export interface TokenTable {
  readonly schema: string | null;
  readonly name: string;
  readonly sessionId: KeyColumn;
  /** Null where a token cannot be marked as revoked (`@better-auth/oauth-provider` up to 1.6); then it is deleted. */
  readonly revoked: string | null;
  /**
   * Of refresh tokens: those with the scope `offline_access` stay valid after their session. Null for access tokens.
   */
  readonly scopes: string | null;
  /** The columns that show the time encoding of this table, `revoked` first where there is one. */
  readonly times: readonly CatalogColumn[];
  /** As in the session table. */
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

/** Better Auth's records of mailed links and codes. */
export interface VerificationTable {
  readonly schema: string | null;
  readonly name: string;
  readonly id: KeyColumn;
  readonly expiresAt: CatalogColumn;
  readonly identifier: string;
  readonly value: string;
  readonly catalog: CatalogTable;
}

/** A table of one kind of rows that stay valid after sessions end. */
export interface WayBackTable {
  readonly kind: WayBack;
  readonly schema: string | null;
  readonly name: string;
  readonly id: KeyColumn;
  /** Holds the id of the user. */
  readonly owner: KeyColumn;
  /**
   * Selects the rows that count: the identifier of a verification, the status of a device code, whether a key is
   * enabled.
   */
  readonly mark: string | null;
  /** A row has expired when all of these times have passed; without any, it never expires. */
  readonly expiries: readonly CatalogColumn[];
  /** Columns that the database itself sets at every UPDATE. */
  readonly touched: readonly string[];
  /** The tokens of the OAuth provider, if this is their table: only those without a session count. */
  readonly tokens: TokenTable | null;
  readonly catalog: CatalogTable;
}

/** The record of sessionctl's changes: its own table, created by `schema migrate`. */
export interface HistoryTable {
  readonly schema: string | null;
  readonly name: string;
}

/** The tables and columns in which one deployment keeps its sessions and users. Recognised once, then passed on. */
export interface Shape {
  readonly session: SessionTable;
  readonly user: UserTable | null;
  /** A user table that cannot be used, since none of its columns is recognised as the id. */
  readonly usersWithoutId: string | null;
  readonly tokens: readonly TokenTable[];
  readonly apiKeys: readonly ApiKeyTable[];
  readonly verifications: VerificationTable | null;
  readonly waysBack: readonly WayBackTable[];
  /** The application has the JWT plugin. */
  readonly handsOutJwts: boolean;
  readonly history: HistoryTable | null;
}
