import { SchemaError } from '../../../errors.ts';
import type { SchemaStep } from '../../../sessions/schema-store.ts';
import { tableLabel } from '../schema/catalog.ts';
import type { SchemaDialect, SchemaStatement } from '../dialects/schema-dialect.ts';
import { HISTORY_TABLE } from '../schema/recognise.ts';
import { inTransaction } from './migration-plan.ts';
import { EXPIRY_INDEX, type SchemaState } from './schema-state.ts';

export interface PlannedDrop {
  readonly title: string;
  readonly statement: SchemaStatement;
}

/**
 * The existing parts that sessionctl created for itself. The core tables are Better Auth's, even if sessionctl created
 * them.
 */
export interface RollbackPlan {
  readonly index: readonly PlannedDrop[];
  readonly tables: readonly PlannedDrop[];
}

/** @throws SchemaError if the core tables are incomplete: only the bookkeeping shows which program began them */
export function planRollback(state: SchemaState, dialect: SchemaDialect): RollbackPlan {
  if (state.core === 'half made') {
    throw new SchemaError('an interrupted run created only some of Better Auth’s core tables', {
      hint: 'Run `sessionctl schema migrate` first: it creates the others.',
    });
  }
  const { schema, expiry, expiryIndexes, history, bookkeeping } = state;
  const isOurs = expiryIndexes.indexes.some(({ name }) => name === EXPIRY_INDEX);
  const tables = [...(history === null ? [] : [HISTORY_TABLE]), ...bookkeeping];
  return {
    index:
      expiry !== null && isOurs
        ? [{ title: `drop the index ${EXPIRY_INDEX}`, statement: dialect.dropIndex(expiry, EXPIRY_INDEX) }]
        : [],
    tables: tables.map((name) => ({
      title: `drop the table ${tableLabel({ schema, name })}`,
      statement: dialect.dropTable(schema, name),
    })),
  };
}

/** The plan as the statements that a person could run instead. */
export function rollbackSteps(
  { index, tables }: RollbackPlan,
  dialect: SchemaDialect,
): readonly SchemaStep[] {
  const asSteps = (drops: readonly PlannedDrop[]): readonly SchemaStep[] =>
    drops.map(({ title, statement }) => ({ title, statements: [statement.sql] }));
  return inTransaction(dialect, asSteps(tables), asSteps(index));
}
