import type { Knex } from 'knex';
import type { DatabaseSettings } from '../../../config/settings.ts';
import type { KeyRange } from '../../../sessions/address.ts';
import type { Instant } from '../../../sessions/instant.ts';
import type { Target } from '../../../sessions/reading-store.ts';
import type { Catalog, CatalogColumn, CatalogTable } from '../schema/catalog.ts';
import type { DatabaseLocation } from '../connect/database-url.ts';
import type { KeyColumn } from '../schema/shape.ts';
import type { TimeEncoding } from '../schema/time-encoding.ts';
import type { AdvisoryLock, LockSubject } from './advisory-lock.ts';
import type { AskedServer, LagMeter } from './lag-meter.ts';
import type { Refusal } from '../../refusals.ts';

/** One value of a row. The drivers return times always as text or number. */
export type Value = string | number | bigint | null;

/** `read` makes every write impossible; `schema` writes and waits for locks without limit. */
export type Access = 'read' | 'write' | 'schema';

/** A query as text with bound values, in the placeholder syntax of the driver. */
export interface NativeQuery {
  readonly sql: string;
  readonly bindings: readonly unknown[];
  /**
   * The query has a LIMIT: then the statement timeout applies. The duration of an unlimited query depends on its
   * reader.
   */
  readonly limited: boolean;
}

/** The tables that a catalogue is read for: all that meet one of these. */
export interface WantedTables {
  /** Normalised names. */
  readonly names: readonly string[];
  /** Exact names from the configuration. */
  readonly named: readonly string[];
  /** Lists of normalised column names: a table that has all columns of one list is wanted. */
  readonly columns: readonly (readonly string[])[];
}

/** A piece of a table in a walk through all of it. */
export interface Piece {
  /** Whether a row, under the walk's alias, belongs to the piece. */
  readonly condition: Knex.Raw;
  /** Maximum rows in the piece; null where it is not known. */
  readonly most: number | null;
  /** Where the next piece begins; null after the last one. */
  readonly next: Position | null;
}

/** Where a piece begins, in a form that only the walk understands. */
export type Position = string | number;

/** A walk through a whole table in consecutive pieces. Each piece is found without reading the rows before it. */
export interface TableWalk {
  /**
   * @param from null for the beginning
   * @param rows about how many of the table's rows the piece has at most, matching or not
   * @param until where the walk ends, in the form of `from`; null for the end of the table
   */
  piece(from: Position | null, rows: number, until: Position | null): Promise<Piece>;
  /**
   * A random position in the walk, found without reading the table; null for the beginning where there is no such
   * position.
   */
  somewhere(): Promise<Position | null>;
}

/**
 * Why a failed statement may succeed on another try: another transaction held a lock, the connection broke, or it took
 * too long.
 */
export type Hindrance = 'busy' | 'lost' | 'slow';

/**
 * Exactly what differs between PostgreSQL, MySQL/MariaDB and SQLite. Code outside of the dialects never asks which
 * database it is.
 */
export interface Dialect {
  readonly name: Target['dialect'];

  /**
   * Prepares a connection, one per run. It connects at the first query.
   * @param mayBeMissing a missing file is an empty database, and is created if the run writes
   * @throws ConnectionError where a driver or file is missing
   */
  connect(
    location: DatabaseLocation,
    settings: DatabaseSettings,
    access: Access,
    mayBeMissing: boolean,
  ): Promise<Knex>;

  /** Reads the clock, the version and the wanted tables, with those that their foreign keys refer to. */
  readCatalog(knex: Knex, wanted: WantedTables): Promise<Catalog>;

  /** The current time of the database's clock. */
  readClock(knex: Knex): Promise<Instant>;

  /**
   * The time encoding of each column.
   * @param timeZone of the application that writes, or null if it is not configured
   * @throws SchemaError for a type or a mixture of formats that is not supported
   */
  timeEncodings(
    knex: Knex,
    table: CatalogTable,
    columns: readonly CatalogColumn[],
    timeZone: string | null,
  ): Promise<readonly TimeEncoding[]>;

  /**
   * The type of a stored value, such as `blob`, that the type of the key column does not lead one to expect. Keys of
   * this type cannot be told apart exactly. Null where the database enforces the column's type.
   */
  strayKeys: ((knex: Knex, table: string, key: KeyColumn) => Promise<string | null>) | null;

  /**
   * The first 12 hexadecimal digits of the SHA-256 of a text column. A server computes them, so that no token leaves
   * it. A database inside this process returns the text, and `readFingerprint` computes them.
   */
  fingerprint(knex: Knex, column: string): Knex.Raw | Knex.Ref<string, Record<string, string>>;
  readFingerprint(value: string): string;

  /**
   * Whether a key equals one of the values, byte for byte, through the index. Every value must be possible for the
   * kind.
   */
  keyIn(knex: Knex, column: string, key: KeyColumn, values: readonly string[]): Knex.Raw;

  /** Whether a text or uuid key begins with a text, byte for byte. */
  keyBeginsWith(knex: Knex, column: string, prefix: string): Knex.Raw;

  /**
   * Whether the address in the column, in any stored form and column type, lies in one of the ranges. False, never an
   * error or NULL, for an unreadable address.
   */
  addressIn(knex: Knex, column: string, ranges: readonly KeyRange[]): Knex.Raw;

  /** Whether the column holds more than blanks but no single readable address, by the rules of `readStoredAddress`. */
  addressUnclear(knex: Knex, column: string): Knex.Raw;

  /** Whether the column contains one of the literal texts, both in the form of `foldCase`. There may be thousands. */
  containsAny(knex: Knex, column: string, texts: readonly string[]): Knex.Raw;

  /** Whether the column equals a text, both in the form of `foldCase`. */
  isText(knex: Knex, column: string, text: string): Knex.Raw;

  /** Whether a text of words separated by spaces contains this word, byte for byte. */
  hasWord(knex: Knex, text: Knex.Raw, word: string): Knex.Raw;

  /** The rows of a query in chunks, each row an array, in constant memory. */
  stream(knex: Knex, query: NativeQuery): AsyncIterable<readonly (readonly Value[])[]>;

  /** The column as text, compared byte for byte. */
  asText(knex: Knex, column: string): Knex.Raw;

  /** The key in a form that groups and sorts byte for byte, as fast as possible. */
  byBytes(knex: Knex, column: string, key: KeyColumn): Knex.Raw | Knex.Ref<string, Record<string, string>>;

  /** The first characters of a column that holds text. */
  beginning(knex: Knex, column: string, characters: number): Knex.Raw;

  /** Text from a client as a sort key for lists, of any length. */
  sentText(knex: Knex, column: string): Knex.Raw | Knex.Ref<string, Record<string, string>>;

  /** Quarter hours between 1970 and the moment, reading the stored value as UTC. The value is in the encoding. */
  quarterHour(knex: Knex, column: string, encoding: TimeEncoding): Knex.Raw;

  /** Milliseconds between 1970 and the moment that the column means, for sorting. The value is in the encoding. */
  milliseconds(knex: Knex, column: string, encoding: TimeEncoding): Knex.Raw;

  /**
   * The part of an address's key that its whole network shares, in the form of `networkDigits`; null if it is not an
   * address.
   */
  network(knex: Knex, column: string): Knex.Raw;

  /** The column's value in a form that can be read and bound again without loss. */
  exactly(knex: Knex, column: string): Knex.Raw | Knex.Ref<string, Record<string, string>>;

  /** Prepares the connection to end rows of these tables. */
  prepareEnding(knex: Knex, tables: readonly string[]): Promise<void>;

  /**
   * Work to do before many transactions and after each of them, without delaying other clients; null where the server
   * does it.
   */
  readonly batches: {
    prepare(knex: Knex): Promise<void>;
    afterEach(knex: Knex, isLast: boolean): Promise<void>;
  } | null;

  /** `DELETE FROM table AS alias`, to be followed by WHERE. The reference includes the alias. */
  deleteFrom(knex: Knex, reference: Knex.Raw, alias: string): Knex.Raw;

  /** How many rows a DELETE or an UPDATE run by `knex.raw` affected. */
  affectedRows(result: unknown): number;

  /** Runs work that is one statement, and so its own transaction: no extra round trips. */
  single<Result>(knex: Knex, work: (knex: Knex) => Promise<Result>): Promise<Result>;

  /** Runs the work in its own transaction: committed, or rolled back if the work throws. */
  transaction<Result>(knex: Knex, work: (transaction: Knex) => Promise<Result>): Promise<Result>;

  /** Prepares a walk through a table that queries know by the alias. */
  walk(knex: Knex, table: WalkedTable, alias: string): Promise<TableWalk>;

  /** A lock that at most one run holds at a time, on any host. Not taken yet. */
  advisoryLock(knex: Knex, subject: LockSubject): Promise<AdvisoryLock>;

  /**
   * The fastest way to make a large change while no other client uses the database; null where small steps are as fast.
   */
  readonly bulk: {
    /** Prepares the connection. */
    prepare(knex: Knex): Promise<void>;
    vacuum(knex: Knex): Promise<void>;
  } | null;

  /** Target time of a sweep's transaction, in milliseconds. */
  readonly sweepTarget: number;

  /** The most that ending one row of a batch is expected to cost, in milliseconds. */
  readonly endingCost: number;

  /**
   * Expired rows below this share of the table are found faster through an index on the expiry than by a walk through
   * the table. Measured by bench/sweep.js.
   */
  readonly indexPaysBelow: number;

  /** The approximate number of rows, from the database's statistics. */
  tableRows(knex: Knex, table: WalkedTable): Promise<number>;

  /**
   * The approximate number of rows that a query through an index returns, from the planner, or counted up to `most`.
   */
  estimateRows(knex: Knex, query: Knex.QueryBuilder, most: number): Promise<number>;

  /**
   * Prepares to measure how far the replicas are behind.
   * @param replicas those that the configuration names
   * @throws UsageError where the database has no replicas; ConfigError where their URLs are needed and missing
   */
  lagMeter(own: AskedServer, replicas: readonly AskedServer[]): Promise<LagMeter>;

  /** Whether the account lacks a right. */
  isDenied(error: unknown): boolean;

  /** Whether trying again may help after this error. */
  readonly hindrance: (error: unknown) => Hindrance | undefined;

  /** Explains an error of the driver; undefined if it is a bug in sessionctl. */
  explain(error: unknown, database: string): Refusal | undefined;
}

export interface WalkedTable {
  readonly schema: string | null;
  readonly name: string;
  readonly id: KeyColumn;
}

/** Maximum rows in one chunk of a stream. */
export const CHUNK_ROWS = 250;

/** Milliseconds that ending sessions waits for another transaction's lock before it gives way and tries again. */
export const LOCK_TIMEOUT = 200;
