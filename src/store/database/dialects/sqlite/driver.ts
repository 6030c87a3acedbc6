import { createRequire } from 'node:module';
import { versions } from 'node:process';
import type Database from 'better-sqlite3';
import { ConnectionError } from '../../../../errors.ts';

let loaded: typeof Database | null = null;

/**
 * Loads the SQLite driver. It is an optional dependency: it is native, and cannot be built everywhere.
 * @throws ConnectionError where it is missing or does not load
 */
export function loadSqliteDriver(): typeof Database {
  if (loaded !== null) return loaded;
  try {
    // It is a CommonJS package, and `import` would load Node's ES module loader for it alone.
    const Driver = createRequire(import.meta.url)('better-sqlite3') as typeof Database;
    // The native part is loaded only when a first database is opened.
    keepSqlite(new Driver(':memory:')).close();
    loaded = Driver;
    return Driver;
  } catch (error) {
    throw new ConnectionError(
      'SQLite needs the package better-sqlite3, which could not be installed or built here',
      {
        hint: 'Run `npm install better-sqlite3`, or `npm rebuild better-sqlite3` after a change of Node. PostgreSQL and MySQL do not need it.',
        cause: error,
      },
    );
  }
}

/**
 * Built against Node 24.19 or later, better-sqlite3 12 makes Node abort when one of its objects is garbage-collected
 * while no script runs (`env != nullptr` in RemoveEnvironmentCleanupHook, which `node::ObjectWrap` has called since
 * then). On older Node, collection is better: `list --watch` creates 15 KB of such objects at each refresh.
 */
const MUST_KEEP = Number(versions.node.split('.')[0]) >= 24;
const kept: object[] = [];

/** Keeps an object of the driver until the process ends, where garbage collection would crash Node. */
export function keep<Made extends object>(made: Made): Made {
  if (MUST_KEEP) kept.push(made);
  return made;
}

/**
 * Like `keep`, for a database and its statements. Each statement is prepared once. Code that changes how a statement
 * returns rows must change it back. Use `exec` instead of `pragma`: the driver prepares a statement for `pragma` that
 * cannot be kept.
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
