import type { Knex } from 'knex';
import { ConnectionError } from '../../../errors.ts';
import type { DatabaseConnection } from '../connect/connect.ts';
import type { SchemaStatement } from '../dialects/schema-dialect.ts';
import { MIGRATIONS_TABLE } from './schema-state.ts';

/** A migration as Knex runs it. */
export interface RunnableMigration {
  readonly name: string;
  readonly up: (knex: Knex) => Promise<void>;
}

/**
 * Runs migrations through Knex, which records each of them. No other run of sessionctl changes the schema meanwhile. So
 * Knex's own lock, which stays after a killed process, can belong only to a process that is gone.
 */
export async function runMigrations(
  knex: Knex,
  schema: string | null,
  migrations: readonly RunnableMigration[],
): Promise<void> {
  const config: Knex.MigratorConfig = {
    tableName: MIGRATIONS_TABLE,
    ...(schema === null ? {} : { schemaName: schema }),
    // Migrations that are not due are left out.
    disableMigrationsListValidation: true,
    // The caller has begun a transaction where one is possible.
    disableTransactions: true,
    migrationSource: {
      getMigrations: () => Promise.resolve([...migrations]),
      getMigrationName: ({ name }: RunnableMigration) => name,
      // The rollback checks which parts exist, not which are recorded.
      getMigration: ({ up }: RunnableMigration) => Promise.resolve({ up, down: () => Promise.resolve() }),
    },
  };
  await knex.migrate.forceFreeMigrationsLock(config);
  await knex.migrate.latest(config);
}

/** @throws ConnectionError naming the right that the account lacks */
export async function runStatements(
  knex: Knex,
  { dialect, target }: DatabaseConnection,
  statements: readonly SchemaStatement[],
): Promise<void> {
  for (const { sql, right } of statements) {
    try {
      await knex.raw(sql);
    } catch (error) {
      if (!dialect.isDenied(error)) throw error;
      throw new ConnectionError(`${target.database} refuses: the account lacks ${right}`, {
        hint: 'Give it the right, or use another account for `schema` only. --dry-run prints the SQL for an administrator to run.',
        cause: error,
      });
    }
  }
}
