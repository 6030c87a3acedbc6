import type { Knex } from 'knex';

/** A statement that changes the schema. */
export interface SchemaStatement {
  readonly sql: string;
  /** What an account must be allowed to for it, in words that follow "lacks". */
  readonly right: string;
}

/** A column that an index is wanted on. */
export interface IndexedColumn {
  readonly schema: string | null;
  readonly table: string;
  readonly column: string;
}

export interface ColumnIndex {
  readonly name: string;
  /** It serves a query on the column: whole, valid, and with the column in the first place. */
  readonly usable: boolean;
}

export interface ColumnIndexes {
  readonly indexes: readonly ColumnIndex[];
  /** Why none can be built beside running writes, or null. */
  readonly obstacle: { readonly message: string; readonly hint: string } | null;
}

/** How a run waits for another one that changes the same schema. */
export interface Patience {
  /** Told once, when there is somebody to wait for. */
  readonly remark: (text: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/** What the databases differ in when their schema is changed, which few runs do: beside `Dialect`, and loaded when needed. */
export interface SchemaDialect {
  /** Which statements of a run stand in one transaction, all or none. */
  readonly transaction: 'everything' | 'tables' | 'nothing';
  /** The statement that such a transaction begins with. */
  readonly begin: string;
  /** What to know about the building of an index, or null. */
  readonly indexCaution: string | null;

  /**
   * Where tables are made that nothing else gives a place to: a PostgreSQL schema, null elsewhere.
   * @throws SchemaError where there is no such place
   */
  homeSchema(knex: Knex, configured: string | null): Promise<string | null>;

  /** Better Auth's core tables as its own migration makes them. Where there is no transaction, they may be half there. */
  coreTables(schema: string | null): readonly SchemaStatement[];
  historyTable(schema: string | null): readonly SchemaStatement[];
  /** The two tables that Knex keeps its migrations in, as far as they are not there. */
  bookkeeping(schema: string | null): readonly SchemaStatement[];
  dropTable(schema: string | null, table: string): SchemaStatement;

  /** The indexes that begin with the column. */
  indexesOn(knex: Knex, column: IndexedColumn): Promise<ColumnIndexes>;
  createIndex(column: IndexedColumn, name: string): SchemaStatement;
  dropIndex(column: IndexedColumn, name: string): SchemaStatement;

  /**
   * Does the work while no other run of sessionctl changes a schema of this database. Whoever is killed holds nobody up:
   * the lock ends with the connection.
   */
  exclusively<Result>(knex: Knex, patience: Patience, work: (knex: Knex) => Promise<Result>): Promise<Result>;

  /** Does the work in a transaction, where the dialect has one for the making of tables. */
  atomically<Result>(knex: Knex, work: (knex: Knex) => Promise<Result>): Promise<Result>;
}
