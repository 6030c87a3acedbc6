import type { TestDatabase } from './databases.ts';
import { until } from './until.ts';

const working = {
  postgresql: `SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND application_name LIKE 'sessionctl%'`,
  mysql: `SELECT 1 AS one FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()
            AND COMMAND <> 'Sleep'`,
} as const;

/** Waits until the server has brought what a client that was killed had asked for to its end, which it does unasked. */
export async function atRest(database: TestDatabase): Promise<void> {
  const { dialect } = database;
  if (dialect === 'sqlite') return;
  await until('nobody works for a client that was killed', async () => {
    return (await database.query(working[dialect])).length === 0;
  });
}
