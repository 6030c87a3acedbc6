import type { Knex } from 'knex';
import type { DatabaseSettings } from '../../../config/settings.ts';
import type { ErrorDetails } from '../../../errors.ts';
import type { AddressRange } from '../../../sessions/address.ts';
import type { Target } from '../../../sessions/session-store.ts';
import type { Catalog, CatalogColumn, CatalogTable } from '../catalog.ts';
import type { DatabaseLocation } from '../database-url.ts';
import type { KeyColumn } from '../shape.ts';
import type { TimeEncoding } from '../time-encoding.ts';

/** One value of a row: what the drivers are told to hand over, times always as text or number. */
export type Value = string | number | bigint | null;

/** A query as text with bound values, in the placeholders of the driver. */
export interface NativeQuery {
  readonly sql: string;
  readonly bindings: readonly unknown[];
  /** Has a LIMIT: then it is bound by the statement timeout. How long an unlimited one takes is up to its reader. */
  readonly limited: boolean;
}

/** What a failed query means: the database cannot be reached or refuses, or nothing that is known here. */
export interface Refusal extends ErrorDetails {
  readonly message: string;
}

/**
 * What differs between PostgreSQL, MySQL/MariaDB and SQLite, and nothing else. Outside of the dialects nobody asks
 * which database it is.
 */
export interface Dialect {
  readonly name: Target['dialect'];

  /**
   * Prepares a connection, of which there is one a run. The database is first spoken to by the first query.
   * @throws ConnectionError where a driver or file is missing
   */
  connect(location: DatabaseLocation, settings: DatabaseSettings, access: 'read' | 'write'): Promise<Knex>;

  /** Reads the clock, the version, the tables of these normalised names, and those `named` exactly by the configuration. */
  readCatalog(knex: Knex, tables: readonly string[], named: readonly string[]): Promise<Catalog>;

  /**
   * How each of the columns writes moments.
   * @param timeZone of the application that writes, or null where nobody said
   * @throws SchemaError for a type or a mixture that cannot be understood
   */
  timeEncodings(
    knex: Knex,
    table: CatalogTable,
    columns: readonly CatalogColumn[],
    timeZone: string | null,
  ): Promise<readonly TimeEncoding[]>;

  /**
   * The first 12 hexadecimal digits of the SHA-256 of a text column. A server computes them, so that no token leaves
   * it; where the database runs in this very process, it hands the text over and `readFingerprint` does.
   */
  fingerprint(knex: Knex, column: string): Knex.Raw | Knex.Ref<string, Record<string, string>>;
  readFingerprint(value: string): string;

  /** Whether a key is one of the values, byte for byte, through the index. No value may be impossible for the kind. */
  keyIn(knex: Knex, column: string, key: KeyColumn, values: readonly string[]): Knex.Raw;

  /** Whether a text or uuid key begins with a text, byte for byte. */
  keyBeginsWith(knex: Knex, column: string, prefix: string): Knex.Raw;

  /** Whether the text in the column is an address within the range. False, never an error, for rubbish. */
  addressIn(knex: Knex, column: string, range: AddressRange): Knex.Raw;

  /** Whether the column contains a literal text, without regard to case. */
  contains(knex: Knex, column: string, text: string): Knex.Raw;

  /** The rows of a query in chunks, each row an array, at constant memory. */
  stream(knex: Knex, query: NativeQuery): AsyncIterable<readonly (readonly Value[])[]>;

  /** Understands an error of the driver, or answers undefined where it means a defect of ours. */
  explain(error: unknown, database: string): Refusal | undefined;
}

/** Rows that one chunk of a stream holds at the most. */
export const CHUNK_ROWS = 250;
