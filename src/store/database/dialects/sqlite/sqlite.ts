import { hash } from 'node:crypto';
import { setImmediate as yieldToEvents, setTimeout as wait } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { ConfigError, UsageError } from '../../../../errors.ts';
import { foldCase, isAscii } from '../../../../sessions/fold-case.ts';
import { toInstant, type Instant } from '../../../../sessions/instant.ts';
import { collectTables, collectViews, type CatalogRow, type ServerFacts } from '../catalog-rows.ts';
import type { ColumnKind } from '../../schema/catalog.ts';
import type { FileLocation } from '../../connect/database-url.ts';
import { tableReference } from '../../query/table-reference.ts';
import { isWholeName } from '../../schema/whole-names.ts';
import { knexOf, oneConnection, quietKnex, withConnection } from '../connection.ts';
import type { Knex } from 'knex';
import { CHUNK_ROWS, LOCK_TIMEOUT, type Dialect, type Value } from '../dialect.ts';
import { explainSqlite } from './refusals.ts';
import { keyWalk } from '../key-walk.ts';
import { errorCode } from '../../../refusals.ts';
import { keep, keepSqlite, loadSqliteDriver } from './driver.ts';
import { rangeLists, textLists, addFunctions } from './functions.ts';
import { encodingOf } from './times.ts';
import { checkFile } from './file.ts';

/** How many of the oldest and of the newest rows are read to learn an encoding. */
const SAMPLE_ROWS = 50;

/** Kilobytes. Sessions are read once, so a larger cache would only fill memory. */
const READING_CACHE = 4000;
/**
 * Milliseconds of pause between two batches, so that other processes can use a file without WAL. They retry their lock
 * at intervals of up to a tenth of a second: without a pause, 300,000 sessions made a sign-in wait for more than its
 * five seconds.
 */
const REST = 15;
/**
 * A batch changes two index pages for each session that it ends. Pages that do not fit in the cache are written to the
 * log early, and again later.
 */
const ENDING_CACHE = 24_000;

const CLOCK = `strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`;

export const sqlite: Dialect = {
  name: 'sqlite',

  async connect(location, settings, access, mayBeMissing) {
    const file = location as FileLocation;
    const { path } = file;
    if (file.readOnly && access === 'write') {
      throw new ConfigError(`the database URL opens ${path} read-only`, {
        hint: 'To change it, leave mode=ro and immutable=1 out.',
      });
    }
    const exists = await checkFile(file, mayBeMissing);
    loadSqliteDriver();
    const { default: Client } = await import('knex/lib/dialects/better-sqlite3/index.js');
    return knexOf(
      new Client({
        client: 'better-sqlite3',
        ...quietKnex,
        useNullAsDefault: true,
        pool: {
          ...oneConnection,
          afterCreate: (database: Database, done: (error: Error | null, database: Database) => void) => {
            keepSqlite(database);
            // This must come first: the next statement reads the file, and would wait for a lock for as long as the
            // driver's default.
            database.exec(`PRAGMA busy_timeout = ${String(settings.connectTimeout)}`);
            database.exec(`PRAGMA cache_size = -${String(READING_CACHE)}`);
            addFunctions(database);
            done(null, database);
          },
        },
        connection:
          exists || access !== 'read'
            ? { filename: path, options: { readonly: access === 'read', safeIntegers: true } }
            : { filename: ':memory:', options: { safeIntegers: true } },
        postProcessResponse: exactNumbers,
      }),
    );
  },

  async readCatalog(knex, { names, named, columns }) {
    const places = (values: readonly string[]) => values.map(() => '?').join(', ');
    const hasColumns =
      columns
        .map(
          (list) => `sum(lower(replace(info.name, '_', '')) IN (${places(list)})) >= ${String(list.length)}`,
        )
        .join(' OR ') || 'FALSE';
    const rows = await knex.raw<readonly (CatalogRow & ServerFacts)[]>(
      `WITH candidate AS (
         SELECT name FROM sqlite_master
          WHERE type IN ('table', 'view') AND (lower(replace(name, '_', '')) IN (${places(names)}) OR name IN (${places(named)})
            OR type = 'table' AND (SELECT ${hasColumns} FROM pragma_table_xinfo(sqlite_master.name) info))
       ), reference AS (
         SELECT candidate.name AS source, key."from" AS column_name, key."table" AS target
           FROM candidate, pragma_foreign_key_list(candidate.name) key
          GROUP BY candidate.name, key.id HAVING count(*) = 1
       ), wanted AS (
         SELECT name FROM candidate
          UNION SELECT m.name FROM sqlite_master m JOIN reference ON lower(m.name) = lower(reference.target) WHERE m.type = 'table'
       )
       SELECT ${CLOCK} AS now, sqlite_version() AS version,
              wanted.name AS table_name,
              (SELECT CASE WHEN m.type = 'view' THEN 'view' WHEN m.sql LIKE 'CREATE VIRTUAL%' THEN 'virtual table' ELSE 'table' END
                 FROM sqlite_master m WHERE m.type IN ('table', 'view') AND m.name = wanted.name) AS table_kind,
              info.name AS column_name, info.type AS data_type,
              (SELECT m.name FROM reference r JOIN sqlite_master m ON lower(m.name) = lower(r.target) AND m.type = 'table'
                WHERE r.source = wanted.name AND lower(r.column_name) = lower(info.name)) AS referenced_table
         FROM (SELECT 1) LEFT JOIN wanted ON TRUE LEFT JOIN pragma_table_xinfo(wanted.name) info ON TRUE
        ORDER BY wanted.name, info.cid`,
      [...names, ...named, ...columns.flat()],
    );
    const [first] = rows;
    return {
      now: (first?.now ?? '') as Instant,
      server: `SQLite ${first?.version ?? ''}`,
      mayLag: false,
      tables: collectTables(rows, kindOf),
      views: collectViews(rows),
    };
  },

  async readClock(knex) {
    const [row] = await knex.raw<readonly { readonly now: string }[]>(`SELECT ${CLOCK} AS now`);
    return (row?.now ?? '') as Instant;
  },

  async timeEncodings(knex, table, columns) {
    // SQLite does not enforce the type of a column: the values themselves show how they are written.
    const order = (await hasRowid(knex, table.name))
      ? 'rowid'
      : (table.columns.find(({ name }) => isWholeName(name))?.name ?? 'id');
    const names = columns.map((column) => column.name);
    const sample = `SELECT * FROM (SELECT ${names.map(() => '??').join(', ')} FROM ?? ORDER BY ??`;
    const samples = await knex.raw<readonly Record<string, unknown>[]>(
      `${sample} LIMIT ${String(SAMPLE_ROWS)}) UNION ALL ${sample} DESC LIMIT ${String(SAMPLE_ROWS)})`,
      [...names, table.name, order, ...names, table.name, order],
    );
    return columns.map((column) => encodingOf(samples.map((row) => row[column.name])));
  },

  // In SQLite's order numbers come first and blobs last. So the first and last value, which the index finds, show what
  // lies between.
  async strayKeys(knex, table, { name, kind }) {
    const [ends] = await knex.raw<readonly { readonly first: string; readonly last: string }[]>(
      'SELECT (SELECT typeof(min(??)) FROM ??) AS first, (SELECT typeof(max(??)) FROM ??) AS last',
      [name, table, name, table],
    );
    return [ends?.first, ends?.last].find((type) => type !== 'null' && type !== kind) ?? null;
  },

  // A JavaScript function called by SQLite costs three times as much as the digest itself.
  fingerprint: (knex, column) => knex.ref(column),
  readFingerprint: (token) => hash('sha256', token, 'hex').slice(0, 12),

  // One binding, since SQLite limits their number.
  keyIn: (knex, column, key, values) =>
    knex.raw(`??${key.kind === 'integer' ? '' : ' COLLATE BINARY'} IN (SELECT value FROM json_each(?))`, [
      column,
      key.kind === 'integer' ? `[${values.join(',')}]` : JSON.stringify(values),
    ]),

  keyBeginsWith: (knex, column, prefix) => knex.raw('substr(??, 1, ?) = ?', [column, prefix.length, prefix]),

  addressIn: (knex, column, ranges) =>
    knex.raw('sessionctl_address_in(??, ?)', [column, rangeLists.keep(ranges)]),
  addressUnclear: (knex, column) => knex.raw('sessionctl_address_unclear(??)', [column]),

  // SQLite's own lower() handles only ASCII.
  containsAny(knex, column, texts) {
    const [only = ''] = texts;
    if (texts.length === 1 && isAscii(only))
      return knex.raw('instr(lower(??), lower(?)) > 0', [column, only]);
    return knex.raw('sessionctl_contains_any(CAST(?? AS text), ?)', [
      column,
      textLists.keep(texts.map(foldCase)),
    ]);
  },
  isText: (knex, column, text) => knex.raw('sessionctl_fold(??) = ?', [column, foldCase(text)]),
  hasWord: (knex, text, word) => knex.raw(`instr(' ' || ? || ' ', ?) > 0`, [text, ` ${word} `]),

  stream: (knex, query) =>
    withConnection(knex, async function* (database: Database) {
      const statement = database.prepare(query.sql).raw();
      try {
        const rows = keep(statement.iterate(...query.bindings)) as IterableIterator<unknown[]>;
        let chunk: Value[][] = [];
        for (const row of rows) {
          chunk.push(row.map(exactNumber));
          if (chunk.length < CHUNK_ROWS) continue;
          yield chunk;
          chunk = [];
          // The driver is synchronous. Without this pause no signal would be received before the last row.
          await yieldToEvents();
        }
        if (chunk.length > 0) yield chunk;
      } finally {
        statement.raw(false);
      }
    }),

  asText: (knex, column) => knex.raw('CAST(?? AS text) COLLATE BINARY', [column]),

  byBytes: (knex, column, key) =>
    key.kind === 'integer' ? knex.ref(column) : knex.raw('?? COLLATE BINARY', [column]),

  beginning: (knex, column, characters) => knex.raw(`substr(??, 1, ${String(characters)})`, [column]),

  sentText: (knex, column) => knex.ref(column),

  quarterHour(knex, column, { encode }) {
    const second = encode(toInstant(1000));
    return typeof second === 'number'
      ? knex.raw(`CAST(?? / ${String(900 * second)} AS integer)`, [column])
      : knex.raw(`CAST(strftime('%s', substr(??, 1, 19)) AS integer) / 900`, [column]);
  },

  milliseconds(knex, column, { encode }) {
    const second = encode(toInstant(1000));
    return typeof second === 'number'
      ? knex.raw(`?? * ${String(1000 / second)}`, [column])
      : knex.raw(`(CAST(strftime('%s', substr(??, 1, 19)) AS integer) * 1000 + substr(??, 21, 3))`, [
          column,
          column,
        ]);
  },

  network: (knex, column) => knex.raw('sessionctl_network(??)', [column]),

  exactly: (knex, column) => knex.ref(column),

  // A foreign key to a missing table makes every change fail while foreign keys are enforced. An application with such
  // a schema has them off.
  async prepareEnding(knex, tables) {
    const [dangling] = await knex.raw<readonly unknown[]>(
      `SELECT 1 FROM json_each(?) changed, pragma_foreign_key_list(changed.value) key
        WHERE NOT EXISTS (SELECT 1 FROM sqlite_master m WHERE m.type = 'table' AND lower(m.name) = lower(key."table"))`,
      [JSON.stringify(tables)],
    );
    if (dangling !== undefined) await knex.raw('PRAGMA foreign_keys = OFF');
  },

  // By default SQLite moves its log into the file during COMMIT. That takes twice the time, half of it for the disk,
  // and batches would count it as their own time and shrink. A separate checkpoint holds no lock, so other processes
  // can write meanwhile. If the log grew over several batches, some sign-in would have to move it: one then took 270 ms
  // instead of 90.
  batches: {
    prepare: async (knex) => {
      await knex.raw(`PRAGMA cache_size = -${String(ENDING_CACHE)}`);
      await knex.raw('PRAGMA wal_autocheckpoint = 0');
    },
    afterEach: async (knex, isLast) => {
      try {
        const [moved] = await knex.raw<readonly { readonly log: number }[]>('PRAGMA wal_checkpoint(PASSIVE)');
        // Pages of the log, and -1 where the file has none.
        if (moved?.log === -1 && !isLast) await wait(REST);
      } catch {
        // Errors are ignored, as in SQLite's own checkpoint: what was not moved stays in the log, and a damaged file
        // shows at the next write.
      }
    },
  },

  deleteFrom: (knex, reference) => knex.raw('DELETE FROM ?', [reference]),
  affectedRows: (result) => (result as { readonly changes: number }).changes,

  // The wait for the lock is the same.
  single: (knex, work) => sqlite.transaction(knex, work),

  // Takes the lock for writing at once: SQLite refuses a lock that is requested at the first change, without waiting.
  async transaction(knex, work) {
    const [before] = await knex.raw<readonly { readonly timeout: number }[]>('PRAGMA busy_timeout');
    // The driver waits inside this process, which receives no signal meanwhile.
    await knex.raw(`PRAGMA busy_timeout = ${String(LOCK_TIMEOUT)}`);
    try {
      await knex.raw('BEGIN IMMEDIATE');
      try {
        const result = await work(knex);
        await knex.raw('COMMIT');
        return result;
      } catch (error) {
        // A full disk has already ended the transaction.
        await knex.raw('ROLLBACK').catch(() => undefined);
        throw error;
      }
    } finally {
      await knex.raw(`PRAGMA busy_timeout = ${String(before?.timeout ?? 0)}`);
    }
  },

  // Half a gigabyte, so that every changed page stays in memory until it is written once.
  bulk: {
    prepare: async (knex) => {
      await knex.raw('PRAGMA cache_size = -500000');
    },
    vacuum: async (knex) => {
      await knex.raw('VACUUM');
    },
  },
  // In an application with 100 sign-ins and 100 look-ups a second, 99 % waited for less than 260 ms. With a target of
  // 50 ms the sweep took a fifth less time, and they waited for less than 500 ms.
  sweepTarget: 20,
  endingCost: 0.03,
  // Measured on 300,000 rows: the index takes half the time of a walk at 2 % expired, the same time at 5 %, 1.3 of it
  // at 10 %.
  indexPaysBelow: 0.05,

  // Row numbers increase. Sweeps remove the low ones, and other gaps do not matter for an estimate.
  async tableRows(knex, table) {
    const hasNumbers = await hasRowid(knex, table.name);
    const [row] = await knex.raw<readonly { readonly rows: number | null }[]>(
      hasNumbers
        ? 'SELECT (SELECT max(rowid) FROM ??) - (SELECT min(rowid) FROM ??) + 1 AS rows'
        : 'SELECT count(*) AS rows FROM ??',
      hasNumbers ? [table.name, table.name] : [table.name],
    );
    return row?.rows ?? 0;
  },

  // There are no statistics unless the operator runs ANALYZE. Counting this far through an index is fast.
  async estimateRows(knex, query, most) {
    const counted = await knex.raw<readonly { readonly rows: number }[]>('SELECT count(*) AS rows FROM (?)', [
      query.limit(most),
    ]);
    return counted[0]?.rows ?? 0;
  },

  async walk(knex, table, alias) {
    const hasNumbers = await hasRowid(knex, table.name);
    const column = hasNumbers ? 'rowid' : table.id.name;
    const kind = hasNumbers ? 'rowid' : table.id.kind;
    return keyWalk(knex, tableReference(knex, table, alias), `${alias}.${column}`, kind);
  },

  advisoryLock: async (knex, subject) => (await import('./lock.ts')).sqliteLock(knex, subject),

  lagMeter: () =>
    Promise.reject(
      new UsageError('an SQLite database has no replicas that could be behind', {
        hint: 'Leave out the option that asks for them.',
      }),
    ),

  // Rights are those of the file, and the error itself names them.
  isDenied: () => false,

  hindrance(error) {
    return /^SQLITE_(?:BUSY|LOCKED)/.test(errorCode(error) ?? '') ? 'busy' : undefined;
  },

  explain: explainSqlite,
};

/** Rows are numbered in the order of insertion. A table WITHOUT ROWID is in the order of its key. */
async function hasRowid(knex: Knex, table: string): Promise<boolean> {
  const [definition] = await knex.raw<readonly { readonly sql: string }[]>(
    `SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?`,
    [table],
  );
  return !/\bWITHOUT\s+ROWID\b/i.test(definition?.sql ?? '');
}

/** Whole numbers arrive as `bigint`. Those too large for a JavaScript number become text, so that they stay exact. */
function exactNumber(value: unknown): Value {
  if (typeof value !== 'bigint') return value as Value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Does the same for a result of the driver: rows, or the outcome of a change. */
function exactNumbers(answer: unknown): unknown {
  const ofRow = (row: object) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, exactNumber(value)]));
  if (Array.isArray(answer)) return answer.map(ofRow);
  return typeof answer === 'object' && answer !== null ? ofRow(answer) : answer;
}

/** By SQLite's own affinity rules; only keys are judged by them. */
function kindOf(type: string): ColumnKind {
  return /int/i.test(type) ? 'integer' : 'text';
}
