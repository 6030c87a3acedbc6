import type { Instant } from '../../sessions/instant.ts';

/** What a key or another column is made of, as far as sessionctl cares. */
export type ColumnKind = 'text' | 'uuid' | 'integer' | 'zoned time' | 'zoneless time' | 'other';

export interface CatalogColumn {
  readonly name: string;
  /** As the database calls it; for messages. */
  readonly type: string;
  readonly kind: ColumnKind;
  /** The database itself sets it at every UPDATE (MySQL's ON UPDATE CURRENT_TIMESTAMP). */
  readonly onUpdate: boolean;
}

export interface CatalogTable {
  /** The PostgreSQL schema; null elsewhere. */
  readonly schema: string | null;
  readonly name: string;
  /** False where this account may read none of it. */
  readonly isReadable?: boolean;
  /** The search_path that is set for the account, the database or the connection finds it by its name alone. */
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

/** Something that has the name of a table and is none. */
export interface CatalogView {
  readonly schema: string | null;
  readonly name: string;
  /** In words: `view`, `materialized view`, `foreign table`, `virtual table`. */
  readonly kind: string;
}

/** What the database says of itself, read in one round trip where it can be. */
export interface Catalog {
  /** The database's clock. */
  readonly now: Instant;
  /** Such as `PostgreSQL 15.20`. */
  readonly server: string;
  /** It is a replica, or read-only as one is: what it shows may be older than what the primary has. */
  readonly mayLag: boolean;
  /** Tables that may be Better Auth's by name, that the configuration names, or that those refer to. */
  readonly tables: readonly CatalogTable[];
  /** What else has the name of one of these. */
  readonly views: readonly CatalogView[];
}

/** A name as all naming conventions share it: `expiresAt`, `expires_at` and `ExpiresAt` are one. */
export function normalise(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

/** `schema.name` for messages. */
export function tableLabel(table: { readonly schema: string | null; readonly name: string }): string {
  return table.schema === null ? table.name : `${table.schema}.${table.name}`;
}
