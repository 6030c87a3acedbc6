import { createRequire } from 'node:module';
import type Database from 'better-sqlite3';
import { ConnectionError } from '../../../errors.ts';

/**
 * The SQLite driver, which is an optional dependency: it is native, and cannot be built everywhere.
 * @throws ConnectionError where it is missing or does not load
 */
export function loadSqliteDriver(): typeof Database {
  try {
    // It is no module, and Node would need its loader of modules for it alone.
    const Driver = createRequire(import.meta.url)('better-sqlite3') as typeof Database;
    // The native part is looked for only when a first database is opened.
    new Driver(':memory:').close();
    return Driver;
  } catch (error) {
    throw new ConnectionError(
      'SQLite needs the package better-sqlite3, which could not be installed or built here',
      {
        hint: 'Run `npm install better-sqlite3`, or `npm rebuild better-sqlite3` after a change of Node. PostgreSQL and MySQL need nothing of it.',
        cause: error,
      },
    );
  }
}
