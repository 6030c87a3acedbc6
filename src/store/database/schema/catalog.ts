import type { Instant } from '../../../sessions/instant.ts';

/** The types of columns that sessionctl distinguishes. */
export type ColumnKind = 'text' | 'uuid' | 'integer' | 'zoned time' | 'zoneless time' | 'other';

export interface CatalogColumn {
  readonly name: string;
  /** The database's name of the type, for messages. */
  readonly type: string;
  readonly kind: ColumnKind;
  /** The database sets it at every UPDATE (MySQL's ON UPDATE CURRENT_TIMESTAMP). */
  readonly onUpdate: boolean;
}

export interface CatalogTable {
  /** The PostgreSQL schema; null elsewhere. */
  readonly schema: string | null;
  readonly name: string;
  /** False if this account has no right to read the table. */
  readonly isReadable?: boolean;
  /** The search_path of the account, the database or the connection includes its schema. */
  readonly isOnPath?: boolean;
  /** Row-level security may hide rows from this account. */
  readonly hidesRows?: boolean;
  readonly columns: readonly CatalogColumn[];
  /** Single-column foreign keys: column → table. */
  readonly references: readonly {
    readonly column: string;
    readonly schema: string | null;
    readonly table: string;
  }[];
}

/** A view or other relation with the name of a table. */
export interface CatalogView {
  readonly schema: string | null;
  readonly name: string;
  /** One of `view`, `materialized view`, `foreign table`, `virtual table`. */
  readonly kind: string;
}

/** The database's own metadata, read in one round trip where possible. */
export interface Catalog {
  /** The database's clock. */
  readonly now: Instant;
  /** For example `PostgreSQL 15.20`. */
  readonly server: string;
  /** A replica, or read-only like one: its data may be older than the primary's. */
  readonly mayLag: boolean;
  /** Tables that have a name Better Auth uses, that the configuration names, or that those refer to. */
  readonly tables: readonly CatalogTable[];
  /** Other relations with one of these names. */
  readonly views: readonly CatalogView[];
}

/** A name without its naming convention: `expiresAt`, `expires_at` and `ExpiresAt` give the same. */
export function normalise(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

/** `schema.name` for messages. */
export function tableLabel(table: { readonly schema: string | null; readonly name: string }): string {
  return table.schema === null ? table.name : `${table.schema}.${table.name}`;
}
