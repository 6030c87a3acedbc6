import type { Knex } from 'knex';
import type { MigrationOptions, SchemaStep } from '../../../sessions/schema-store.ts';
import { tableLabel } from '../schema/catalog.ts';
import type {
  ColumnIndexes,
  IndexedColumn,
  SchemaDialect,
  SchemaStatement,
} from '../dialects/schema-dialect.ts';
import { HISTORY_TABLE } from '../schema/recognise.ts';
import {
  EXPIRY_INDEX,
  LOCK_TABLE,
  MIGRATIONS,
  MIGRATIONS_TABLE,
  rowsOf,
  type SchemaState,
} from './schema-state.ts';

/** One of Knex's migrations with its statements. */
export interface PlannedMigration {
  readonly name: string;
  readonly title: string;
  readonly statements: readonly SchemaStatement[];
}

/** The missing parts, in the order in which they are created. */
export interface MigrationPlan {
  /** The tables in which Knex records the migrations done. */
  readonly bookkeeping: readonly SchemaStatement[];
  /** Migrations of tables, done in one transaction where the database can. */
  readonly tables: readonly PlannedMigration[];
  /** The migration of the index, built without blocking writes where the database can. */
  readonly index: PlannedMigration | null;
}

/** Plans the missing parts from the current state. */
export function planMigrations(
  state: SchemaState,
  dialect: SchemaDialect,
  { expiryIndex }: MigrationOptions,
): MigrationPlan {
  const { schema, core, history, expiry, expiryIndexes, bookkeeping } = state;
  const tables: PlannedMigration[] = [];
  if (core === 'missing')
    tables.push({ name: MIGRATIONS.foundEmpty, title: 'record that the database was empty', statements: [] });
  if (core !== 'there') {
    const title = `create Better Auth's core tables ${state.tables}`;
    tables.push({ name: MIGRATIONS.coreTables, title, statements: dialect.coreTables(schema) });
  }
  if (history === null) {
    const title = `create sessionctl's history table ${tableLabel({ schema, name: HISTORY_TABLE })}`;
    tables.push({ name: MIGRATIONS.historyTable, title, statements: dialect.historyTable(schema) });
  }
  const index = expiryIndex && expiry !== null ? planIndex(dialect, expiry, expiryIndexes) : null;
  const isNeeded = (tables.length > 0 || index !== null) && bookkeeping.length < 2;
  return { bookkeeping: isNeeded ? dialect.bookkeeping(schema) : [], tables, index };
}

/** @returns null if an index on the column exists */
export function planIndex(
  dialect: SchemaDialect,
  column: IndexedColumn,
  { indexes }: ColumnIndexes,
): PlannedMigration | null {
  if (indexes.some((index) => index.usable)) return null;
  const isLeftOver = indexes.some(({ name }) => name === EXPIRY_INDEX);
  const place = `${tableLabel({ schema: column.schema, name: column.table })}.${column.column}`;
  return {
    name: MIGRATIONS.expiryIndex,
    title: `build the index ${EXPIRY_INDEX} on ${place}${isLeftOver ? ', to replace the invalid one that an interrupted run left' : ''}`,
    statements: [
      ...(isLeftOver ? [dialect.dropIndex(column, EXPIRY_INDEX)] : []),
      dialect.createIndex(column, EXPIRY_INDEX),
    ],
  };
}

/** The plan as the statements that a person could run instead. */
export function migrationSteps(
  knex: Knex,
  state: SchemaState,
  dialect: SchemaDialect,
  { bookkeeping, tables, index }: MigrationPlan,
): readonly SchemaStep[] {
  const batch = Math.max(0, ...state.recorded.map((each) => each.batch)) + 1;
  const records = rowsOf(knex, state.schema, MIGRATIONS_TABLE);
  const step = ({ name, title, statements }: PlannedMigration, inBatch: number): SchemaStep => ({
    title,
    statements: [
      ...statements.map(({ sql }) => sql),
      records.clone().insert({ name, batch: inBatch, migration_time: knex.fn.now() }).toQuery(),
    ],
  });
  const forgotten = staleRecords(state, [...tables, ...(index === null ? [] : [index])]);
  const prepared = [
    ...bookkeeping.map(({ sql }) => sql),
    ...(forgotten.length === 0
      ? []
      : [
          records
            .clone()
            .whereIn('name', [...forgotten])
            .del()
            .toQuery(),
        ]),
  ];
  const begun =
    prepared.length === 0
      ? []
      : [
          {
            title: `create the bookkeeping tables ${MIGRATIONS_TABLE} and ${LOCK_TABLE}`,
            statements: prepared,
          },
        ];
  const made = [...begun, ...tables.map((each) => step(each, batch))];
  const built = index === null ? [] : [step(index, tables.length > 0 ? batch + 1 : batch)];
  return inTransaction(dialect, made, built);
}

/** Migrations that are recorded as done but whose result is gone. They are done again. */
export function staleRecords(
  { recorded }: SchemaState,
  planned: readonly PlannedMigration[],
): readonly string[] {
  return planned.map(({ name }) => name).filter((name) => recorded.some((each) => each.name === name));
}

/** Encloses the steps that share a transaction in its first and last statement. */
export function inTransaction(
  { transaction, begin }: SchemaDialect,
  tables: readonly SchemaStep[],
  index: readonly SchemaStep[],
): readonly SchemaStep[] {
  const enclosed = (steps: readonly SchemaStep[]) =>
    steps.map(({ title, statements }, at) => ({
      title,
      statements: [
        ...(at === 0 ? [begin] : []),
        ...statements,
        ...(at === steps.length - 1 ? ['COMMIT'] : []),
      ],
    }));
  switch (transaction) {
    case 'everything':
      return enclosed([...tables, ...index]);
    case 'tables':
      return [...enclosed(tables), ...index];
    case 'nothing':
      return [...tables, ...index];
    default:
      return transaction satisfies never;
  }
}
