import type { Knex } from 'knex';
import type { DatabaseSettings } from '../../../config/settings.ts';
import type { KeyRange } from '../../../sessions/address.ts';
import type { Instant } from '../../../sessions/instant.ts';
import type { Target } from '../../../sessions/session-store.ts';
import type { Catalog, CatalogColumn, CatalogTable } from '../catalog.ts';
import type { DatabaseLocation } from '../database-url.ts';
import type { KeyColumn } from '../shape.ts';
import type { TimeEncoding } from '../time-encoding.ts';
import type { AdvisoryLock, LockSubject } from './advisory-lock.ts';
import type { AskedServer, LagMeter } from './lag-meter.ts';
import type { Refusal } from '../../refusals.ts';

/** One value of a row: what the drivers are told to hand over, times always as text or number. */
export type Value = string | number | bigint | null;

/** `read` makes sure that nothing can be written; `schema` writes and waits for locks as long as it takes. */
export type Access = 'read' | 'write' | 'schema';

/** A query as text with bound values, in the placeholders of the driver. */
export interface NativeQuery {
  readonly sql: string;
  readonly bindings: readonly unknown[];
  /** Has a LIMIT: then it is bound by the statement timeout. How long an unlimited one takes is up to its reader. */
  readonly limited: boolean;
}

/** Tables that a catalogue is read for: any of these. */
export interface WantedTables {
  /** Normalised names. */
  readonly names: readonly string[];
  /** Exact names, which the configuration gives. */
  readonly named: readonly string[];
  /** Lists of normalised names of columns: a table that has all of one of them is wanted. */
  readonly columns: readonly (readonly string[])[];
}

/** A piece of a table on the way through all of it. */
export interface Piece {
  /** Whether a row, under the alias that the walk was made for, belongs to the piece. */
  readonly condition: Knex.Raw;
  /** So many rows may belong to it at the most; null where nobody knows. */
  readonly most: number | null;
  /** Where the next piece begins; null behind the last one. */
  readonly next: Position | null;
}

/** Where a piece begins, as the walk itself understands it. */
export type Position = string | number;

/** A way through a whole table in consecutive pieces, each found without reading what lies before it. */
export interface TableWalk {
  /**
   * @param from null for the beginning
   * @param rows no more of the table's rows than about so many, matching or not
   * @param until where the way ends, as `from` says where it begins; null for the end of the table
   */
  piece(from: Position | null, rows: number, until: Position | null): Promise<Piece>;
  /** A position as text, from which another walk through the same table can go on. */
  write(position: Position): string;
  /** What `write` has written; null where it means nothing to this walk, as when the table has another key by now. */
  read(text: string): Position | null;
  /** Any place on the way, found without reading the table; null for the beginning where there is no such place. */
  somewhere(): Promise<Position | null>;
}

/** Why a statement failed that may succeed when it is tried again: somebody held a lock, or the connection broke. */
export type Hindrance = 'busy' | 'lost' | 'slow';

/**
 * What differs between PostgreSQL, MySQL/MariaDB and SQLite, and nothing else. Outside of the dialects nobody asks
 * which database it is.
 */
export interface Dialect {
  readonly name: Target['dialect'];

  /**
   * Prepares a connection, of which there is one a run. The database is first spoken to by the first query.
   * @param mayBeMissing a file that is not there is an empty database, and made where it is to be written
   * @throws ConnectionError where a driver or file is missing
   */
  connect(
    location: DatabaseLocation,
    settings: DatabaseSettings,
    access: Access,
    mayBeMissing: boolean,
  ): Promise<Knex>;

  /** Reads the clock, the version and the tables that are wanted, with those that their foreign keys refer to. */
  readCatalog(knex: Knex, wanted: WantedTables): Promise<Catalog>;

  /** The clock at present. */
  readClock(knex: Knex): Promise<Instant>;

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
   * What stands in a key column that its type does not let one expect, such as `blob`: keys of this kind cannot be told
   * apart exactly. Null where the type binds what stands in the column.
   */
  strayKeys: ((knex: Knex, table: string, key: KeyColumn) => Promise<string | null>) | null;

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

  /**
   * Whether the address in the column, in any stored form and any type of column, lies in one of the ranges. False, never
   * an error or NULL, for one that cannot be read.
   */
  addressIn(knex: Knex, column: string, ranges: readonly KeyRange[]): Knex.Raw;

  /** Whether the column holds more than blanks and no single address that can be read, as `readStoredAddress` says it. */
  addressUnclear(knex: Knex, column: string): Knex.Raw;

  /** Whether the column contains one of the literal texts, both as `foldCase` writes them. There may be thousands. */
  containsAny(knex: Knex, column: string, texts: readonly string[]): Knex.Raw;

  /** Whether the column is a text, both as `foldCase` writes them. */
  isText(knex: Knex, column: string, text: string): Knex.Raw;

  /** Whether a text that has spaces between its words has this one, byte for byte. */
  hasWord(knex: Knex, text: Knex.Raw, word: string): Knex.Raw;

  /** The rows of a query in chunks, each row an array, at constant memory. */
  stream(knex: Knex, query: NativeQuery): AsyncIterable<readonly (readonly Value[])[]>;

  /** The column as text, compared byte for byte. */
  asText(knex: Knex, column: string): Knex.Raw;

  /** The key in a form that groups and sorts byte for byte, and no slower than need be. */
  byBytes(knex: Knex, column: string, key: KeyColumn): Knex.Raw | Knex.Ref<string, Record<string, string>>;

  /** What a list is sorted by that clients sent, however long it is. */
  sentText(knex: Knex, column: string): Knex.Raw | Knex.Ref<string, Record<string, string>>;

  /** The quarters of an hour between 1970 and the moment, taking what is written for UTC. The value is one of the encoding. */
  quarterHour(knex: Knex, column: string, encoding: TimeEncoding): Knex.Raw;

  /** The milliseconds between 1970 and the moment that the column means, to sort by. The value is one of the encoding. */
  milliseconds(knex: Knex, column: string, encoding: TimeEncoding): Knex.Raw;

  /** The beginning of an address's key that its network has in common, as `networkDigits` gives it; null for what is none. */
  network(knex: Knex, column: string): Knex.Raw;

  /** The column's value in a form that loses nothing when it is read and bound again. */
  exactly(knex: Knex, column: string): Knex.Raw | Knex.Ref<string, Record<string, string>>;

  /** Prepares the connection to end rows of these tables. */
  prepareEnding(knex: Knex, tables: readonly string[]): Promise<void>;

  /** What is due before many transactions, and after each of them, holding nobody up; null where the server sees to it. */
  readonly batches: {
    prepare(knex: Knex): Promise<void>;
    afterEach(knex: Knex, isLast: boolean): Promise<void>;
  } | null;

  /** `DELETE FROM table AS alias`, to be followed by WHERE; the reference is the table with its alias. */
  deleteFrom(knex: Knex, reference: Knex.Raw, alias: string): Knex.Raw;

  /** How many rows a DELETE or an UPDATE, run by `knex.raw`, has affected. */
  affectedRows(result: unknown): number;

  /** Runs work that is one statement, and so a transaction by itself: it takes no round trips for one. */
  single<Result>(knex: Knex, work: (knex: Knex) => Promise<Result>): Promise<Result>;

  /** Runs the work in one transaction of its own: committed, or rolled back when it throws. */
  transaction<Result>(knex: Knex, work: (transaction: Knex) => Promise<Result>): Promise<Result>;

  /** Prepares to walk through a table, known in the queries by the alias. */
  walk(knex: Knex, table: WalkedTable, alias: string): Promise<TableWalk>;

  /** A lock that at most one run at a time holds, whatever host it is on. Not taken yet. */
  advisoryLock(knex: Knex, subject: LockSubject): Promise<AdvisoryLock>;

  /** How a great change goes fastest while nobody else uses the database; null where it goes as fast bit by bit. */
  readonly bulk: {
    /** Prepares the connection. */
    prepare(knex: Knex): Promise<void>;
    vacuum(knex: Knex): Promise<void>;
  } | null;

  /** Milliseconds that a transaction of a sweep takes about. */
  readonly sweepTarget: number;

  /** Milliseconds that ending one row of a batch costs at the most, as far as one knows beforehand. */
  readonly endingCost: number;

  /**
   * The share of a table's rows below which they are found faster through an index on the expiry than on a walk through
   * the table. Measured by bench/sweep.js.
   */
  readonly indexPaysBelow: number;

  /** About how many rows the table has, by the database's statistics. */
  tableRows(knex: Knex, table: WalkedTable): Promise<number>;

  /** About how many rows a query through an index gives, by the planner, or counted up to `most`. */
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

  /** Understands an error of the driver, or answers undefined where it means a defect of ours. */
  explain(error: unknown, database: string): Refusal | undefined;
}

export interface WalkedTable {
  readonly schema: string | null;
  readonly name: string;
  readonly id: KeyColumn;
}

/** Rows that one chunk of a stream holds at the most. */
export const CHUNK_ROWS = 250;

/** Milliseconds that ending sessions waits for somebody else's lock before it gives way and tries again. */
export const LOCK_TIMEOUT = 200;
