import { createRequire } from 'node:module';
import { versions } from 'node:process';
import type Database from 'better-sqlite3';
import { ConnectionError } from '../../../errors.ts';

let loaded: typeof Database | null = null;

/**
 * The SQLite driver, which is an optional dependency: it is native, and cannot be built everywhere.
 * @throws ConnectionError where it is missing or does not load
 */
export function loadSqliteDriver(): typeof Database {
  if (loaded !== null) return loaded;
  try {
    // It is no module, and Node would need its loader of modules for it alone.
    const Driver = createRequire(import.meta.url)('better-sqlite3') as typeof Database;
    // The native part is looked for only when a first database is opened.
    keepSqlite(new Driver(':memory:')).close();
    loaded = Driver;
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

/**
 * Built against Node 24.19 or later, better-sqlite3 12 makes Node abort when an object of its is collected as garbage at a
 * moment at which no script runs (`env != nullptr` in RemoveEnvironmentCleanupHook, which `node::ObjectWrap` calls since
 * then). Before, it is better collected: `list --watch` makes 15 KB of them at each look.
 */
const MUST_KEEP = Number(versions.node.split('.')[0]) >= 24;
const kept: object[] = [];

/** Keeps what the driver made for as long as the process lives, where it would not survive being collected. */
export function keep<Made extends object>(made: Made): Made {
  if (MUST_KEEP) kept.push(made);
  return made;
}

/**
 * As `keep`, of a database and its statements, each of which is prepared once. Whoever changes how a statement answers
 * changes it back, and `pragma` is for `exec`: the driver prepares a statement for it that is out of reach.
 */
export function keepSqlite(database: Database.Database): Database.Database {
  const statements = new Map<string, Database.Statement>();
  const prepare = database.prepare.bind(database);
  const prepareOnce = (sql: string): Database.Statement => {
    const statement = statements.get(sql) ?? prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  return keep(Object.assign(database, { prepare: prepareOnce as typeof database.prepare }));
}
