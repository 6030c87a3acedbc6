import type { Knex } from 'knex';
import type { CatalogTable } from '../catalog.ts';
import type { Value } from './dialect.ts';

/** A column as whoever adds a row has to know it. */
export interface InsertColumn {
  readonly name: string;
  /** As the database calls it. */
  readonly type: string;
  /** It takes no NULL, and nothing gives it a value of its own accord. */
  readonly required: boolean;
  /** The database gives it a value of its own accord. */
  readonly hasDefault: boolean;
}

/** What the databases differ in when a row is added, which one command does: beside `Dialect`, and loaded when needed. */
export interface InsertDialect {
  columns(knex: Knex, table: Pick<CatalogTable, 'schema' | 'name'>): Promise<readonly InsertColumn[]>;
  /** A value, as `Dialect.stream` gives it, as an application has it in its hands. */
  fieldValue(type: string, value: Value): unknown;
}
