import type { Knex } from 'knex';

/** A statement that changes the schema. */
export interface SchemaStatement {
  readonly sql: string;
  /** The right that the account needs, in words that follow "lacks". */
  readonly right: string;
}

/** A column that should have an index. */
export interface IndexedColumn {
  readonly schema: string | null;
  readonly table: string;
  readonly column: string;
}

export interface ColumnIndex {
  readonly name: string;
  /** The index serves a query on the column: it is complete and valid, and the column is its first. */
  readonly usable: boolean;
}

export interface ColumnIndexes {
  readonly indexes: readonly ColumnIndex[];
  /** Why an index cannot be built without blocking writes, or null. */
  readonly obstacle: { readonly message: string; readonly hint: string } | null;
}

/** How a run waits for another one that changes the same schema. */
export interface Patience {
  /** Called once, when there is another run to wait for. */
  readonly remark: (text: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/** The differences between the databases when their schema changes, which few runs do. Loaded only when needed. */
export interface SchemaDialect {
  /** Which statements of a run share one transaction: all or none of them take effect. */
  readonly transaction: 'everything' | 'tables' | 'nothing';
  /** The statement that such a transaction begins with. */
  readonly begin: string;
  /** A caution about the building of an index, or null. */
  readonly indexCaution: string | null;

  /**
   * The schema for new tables where nothing else decides: a PostgreSQL schema, null elsewhere.
   * @throws SchemaError where there is no such schema
   */
  homeSchema(knex: Knex, configured: string | null): Promise<string | null>;

  /**
   * Better Auth's core tables as its own migration creates them. Without a transaction, only some of them may exist.
   */
  coreTables(schema: string | null): readonly SchemaStatement[];
  historyTable(schema: string | null): readonly SchemaStatement[];
  /** The missing ones of the two tables in which Knex records its migrations. */
  bookkeeping(schema: string | null): readonly SchemaStatement[];
  dropTable(schema: string | null, table: string): SchemaStatement;

  /** The indexes that begin with the column. */
  indexesOn(knex: Knex, column: IndexedColumn): Promise<ColumnIndexes>;
  createIndex(column: IndexedColumn, name: string): SchemaStatement;
  dropIndex(column: IndexedColumn, name: string): SchemaStatement;

  /**
   * Does the work while no other run of sessionctl changes a schema of this database. The lock ends with the
   * connection, so a killed process blocks no other run.
   */
  exclusively<Result>(knex: Knex, patience: Patience, work: (knex: Knex) => Promise<Result>): Promise<Result>;

  /** Does the work in a transaction, if the dialect has one for the creation of tables. */
  atomically<Result>(knex: Knex, work: (knex: Knex) => Promise<Result>): Promise<Result>;
}
