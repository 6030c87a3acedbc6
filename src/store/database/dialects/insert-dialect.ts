import type { Knex } from 'knex';
import type { CatalogTable } from '../schema/catalog.ts';
import type { Value } from './dialect.ts';

/** The facts about a column that adding a row needs. */
export interface InsertColumn {
  readonly name: string;
  /** The database's name of the type. */
  readonly type: string;
  /** It does not accept NULL, and nothing sets it automatically. */
  readonly required: boolean;
  /** The database sets it automatically. */
  readonly hasDefault: boolean;
}

/** The differences between the databases when a row is added, which only one command does. Loaded only when needed. */
export interface InsertDialect {
  columns(knex: Knex, table: Pick<CatalogTable, 'schema' | 'name'>): Promise<readonly InsertColumn[]>;
  /** Turns a value of `Dialect.stream` into the value that an application would have. */
  fieldValue(type: string, value: Value): unknown;
}
