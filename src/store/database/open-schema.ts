import type { Knex } from 'knex';
import type { DatabaseSettings } from '../../config/settings.ts';
import { IncompleteError, SchemaError } from '../../errors.ts';
import type { MigrationOptions, SchemaStore } from '../../sessions/schema-store.ts';
import { connectDatabase, type ConnectOptions, type DatabaseConnection } from './connect/connect.ts';
import type { Patience, SchemaDialect } from './dialects/schema-dialect.ts';
import { countHistoryTable } from './history/history-table.ts';
import {
  migrationSteps,
  planIndex,
  planMigrations,
  staleRecords,
  type MigrationPlan,
} from './migrations/migration-plan.ts';
import { runMigrations, runStatements } from './migrations/run-migrations.ts';
import { planRollback, rollbackSteps, type PlannedDrop } from './migrations/rollback-plan.ts';
import {
  MIGRATIONS_TABLE,
  partsOf,
  readSchemaState,
  rowsOf,
  type SchemaState,
} from './migrations/schema-state.ts';
import { persistently } from './connect/persistently.ts';
import { dialects } from './dialects/dialects.ts';

export interface OpenedSchema extends SchemaStore {
  close(): Promise<void>;
}

export type OpenSchemaOptions = Omit<ConnectOptions, 'mayBeMissing'>;

/**
 * Connects to a database to check or change its schema. The database may be empty. A SQLite file may be missing: with
 * the access `write` it is created.
 * @throws ConnectionError where the database cannot be reached or refuses
 * @throws SchemaError where its tables are ambiguous, or not Better Auth's
 */
export async function openSchema(
  settings: DatabaseSettings,
  options: OpenSchemaOptions,
): Promise<OpenedSchema> {
  const access = options.access === 'write' ? 'schema' : options.access;
  const connection = await connectDatabase(settings, { ...options, access, mayBeMissing: true });
  const { knex, target, guard, settle, close } = connection;
  const { signal } = options;
  try {
    const dialect = await dialects[target.dialect].schema();
    const read = (on: Knex) => readSchemaState(on, connection, dialect);
    const state = await guard(() => read(knex));
    const exclusively = (remark: Patience['remark'], work: (on: Knex, now: SchemaState) => Promise<void>) =>
      settle(() =>
        dialect.exclusively(knex, { remark, signal }, async (on) => {
          const now = await read(on);
          await interruptibly(connection, signal, () => work(on, now));
        }),
      );

    return {
      target,
      server: state.server,
      parts: partsOf(state),

      planMigration: (wanted) => {
        const plan = checkedPlan(state, dialect, wanted);
        return {
          steps: migrationSteps(knex, state, dialect, plan),
          cautions: plan.index === null || dialect.indexCaution === null ? [] : [dialect.indexCaution],
        };
      },

      migrate: (wanted, remark) =>
        exclusively(remark, async (on, now) => {
          const plan = checkedPlan(now, dialect, wanted);
          await dialect.atomically(on, (transaction) => makeTables(transaction, connection, now, plan));
          await buildIndex(on, connection, dialect, now, plan, remark);
        }),

      planRollback: () =>
        guard(async () => {
          const { history } = state;
          return {
            steps: rollbackSteps(planRollback(state, dialect), dialect),
            cautions: [],
            records: history === null ? null : await countHistoryTable(knex, history),
          };
        }),

      rollback: (remark) =>
        exclusively(remark, async (on, now) => {
          const { index, tables } = planRollback(now, dialect);
          const drop = (steps: readonly PlannedDrop[], from: Knex) =>
            runStatements(
              from,
              connection,
              steps.map(({ statement }) => statement),
            );
          await dialect.atomically(on, (transaction) => drop(tables, transaction));
          await patiently(connection, remark, () => drop(index, on));
        }),

      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws SchemaError where a requested index cannot be built */
function checkedPlan(state: SchemaState, dialect: SchemaDialect, wanted: MigrationOptions): MigrationPlan {
  if (wanted.expiryIndex && state.expiry === null) {
    throw new SchemaError('there is no session table to build an index on', {
      hint: 'Leave --expiry-index out.',
    });
  }
  const plan = planMigrations(state, dialect, wanted);
  const { obstacle } = state.expiryIndexes;
  if (plan.index !== null && obstacle !== null)
    throw new SchemaError(obstacle.message, { hint: obstacle.hint });
  return plan;
}

async function makeTables(
  on: Knex,
  connection: DatabaseConnection,
  state: SchemaState,
  plan: MigrationPlan,
): Promise<void> {
  const { schema } = state;
  await runStatements(on, connection, plan.bookkeeping);
  const stale = staleRecords(state, [...plan.tables, ...(plan.index === null ? [] : [plan.index])]);
  if (stale.length > 0)
    await rowsOf(on, schema, MIGRATIONS_TABLE)
      .whereIn('name', [...stale])
      .del();
  if (plan.tables.length === 0) return;
  await runMigrations(
    on,
    schema,
    plan.tables.map(({ name, statements }) => ({
      name,
      up: (transaction) => runStatements(transaction, connection, statements),
    })),
  );
}

/** Checks the index again in each attempt: a failed one may have left an invalid index. */
async function buildIndex(
  on: Knex,
  connection: DatabaseConnection,
  dialect: SchemaDialect,
  { schema, expiry }: SchemaState,
  { index }: MigrationPlan,
  remark: Patience['remark'],
): Promise<void> {
  if (index === null || expiry === null) return;
  const up = (knex: Knex) =>
    patiently(connection, remark, async () => {
      const planned = planIndex(dialect, expiry, await dialect.indexesOn(knex, expiry));
      await runStatements(knex, connection, planned?.statements ?? []);
    });
  await runMigrations(on, schema, [{ name: index.name, up }]);
}

/** Tries again while another transaction is in the way. Not after a lost connection: the lock is lost with it. */
async function patiently(
  { dialect }: DatabaseConnection,
  remark: Patience['remark'],
  work: () => Promise<void>,
): Promise<void> {
  await persistently(work, {
    hindrance: (error) => (dialect.hindrance(error) === 'busy' ? 'busy' : undefined),
    onRetry: (_hindrance, attempts) => {
      if (attempts === 1) void remark('another transaction holds the table; trying again');
    },
  });
}

/** @throws IncompleteError after the signal; the next run continues from the current state */
async function interruptibly(
  { guard }: DatabaseConnection,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await guard(work);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new IncompleteError(`stopped by ${String(signal.reason)} while the schema was being changed`, {
      hint: 'Run the same command again: it continues where this run stopped.',
      cause: error,
    });
  }
}
