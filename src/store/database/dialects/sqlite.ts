import { hash } from 'node:crypto';
import { setImmediate as yieldToEvents, setTimeout as wait } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { ConfigError, UsageError } from '../../../errors.ts';
import { foldCase, isAscii } from '../../../sessions/fold-case.ts';
import { toInstant, type Instant } from '../../../sessions/instant.ts';
import { collectTables, collectViews, type CatalogRow, type ServerFacts } from './catalog-rows.ts';
import type { ColumnKind } from '../catalog.ts';
import type { FileLocation } from '../database-url.ts';
import { tableReference } from '../table-reference.ts';
import { isWholeName } from '../whole-names.ts';
import { knexOf, oneConnection, quietKnex, withConnection } from './connection.ts';
import type { Knex } from 'knex';
import { CHUNK_ROWS, LOCK_TIMEOUT, type Dialect, type Value } from './dialect.ts';
import { explainSqlite } from './sqlite-refusals.ts';
import { keyWalk } from './key-walk.ts';
import { errorCode } from '../../refusals.ts';
import { keep, keepSqlite, loadSqliteDriver } from './sqlite-driver.ts';
import { rangeLists, textLists, addFunctions } from './sqlite-functions.ts';
import { encodingOf } from './sqlite-times.ts';
import { checkFile } from './sqlite-file.ts';

/** How many of the oldest and of the newest rows are looked at to learn an encoding. */
const SAMPLE_ROWS = 50;

/** Kilobytes. Sessions are read once, for which a larger cache only fills memory. */
const READING_CACHE = 4000;
/**
 * Milliseconds between two batches in which others get at a file without a log. They look for the lock every now and then,
 * up to a tenth of a second apart: with no rest at all, 300,000 sessions made a sign-in wait for more than its five seconds.
 */
const REST = 15;
/**
 * A batch changes two pages of indexes for each session that it ends: what has no room is written to the log before its
 * time, and again.
 */
const ENDING_CACHE = 24_000;

const CLOCK = `strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`;

export const sqlite: Dialect = {
  name: 'sqlite',

  async connect(location, settings, access, mayBeMissing) {
    const file = location as FileLocation;
    const { path } = file;
    if (file.readOnly && access === 'write') {
      throw new ConfigError(`the database URL says that ${path} is only read`, {
        hint: 'Leave mode=ro and immutable=1 out to change it.',
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
            // Before all else: what comes next reads the file, and would wait for a lock as long as the driver likes.
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
    // The type of a column binds nobody in SQLite: the values themselves say how they are written.
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

  // Numbers come first in SQLite's order and blobs last, so that the ends, which the index knows, tell of what lies between.
  async strayKeys(knex, table, { name, kind }) {
    const [ends] = await knex.raw<readonly { readonly first: string; readonly last: string }[]>(
      'SELECT (SELECT typeof(min(??)) FROM ??) AS first, (SELECT typeof(max(??)) FROM ??) AS last',
      [name, table, name, table],
    );
    return [ends?.first, ends?.last].find((type) => type !== 'null' && type !== kind) ?? null;
  },

  // A function of SQLite that is made of JavaScript costs three times what the digest does.
  fingerprint: (knex, column) => knex.ref(column),
  readFingerprint: (token) => hash('sha256', token, 'hex').slice(0, 12),

  // One binding, since SQLite takes only so many.
  keyIn: (knex, column, key, values) =>
    knex.raw(`??${key.kind === 'integer' ? '' : ' COLLATE BINARY'} IN (SELECT value FROM json_each(?))`, [
      column,
      key.kind === 'integer' ? `[${values.join(',')}]` : JSON.stringify(values),
    ]),

  keyBeginsWith: (knex, column, prefix) => knex.raw('substr(??, 1, ?) = ?', [column, prefix.length, prefix]),

  addressIn: (knex, column, ranges) =>
    knex.raw('sessionctl_address_in(??, ?)', [column, rangeLists.keep(ranges)]),
  addressUnclear: (knex, column) => knex.raw('sessionctl_address_unclear(??)', [column]),

  // SQLite's own lower() knows ASCII alone.
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
          // The driver never waits; without this pause no signal would be heard before the last row.
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

  // A foreign key to a table that is not there makes every change fail while foreign keys are enforced; whoever lives
  // with such a schema has them off.
  async prepareEnding(knex, tables) {
    const [dangling] = await knex.raw<readonly unknown[]>(
      `SELECT 1 FROM json_each(?) changed, pragma_foreign_key_list(changed.value) key
        WHERE NOT EXISTS (SELECT 1 FROM sqlite_master m WHERE m.type = 'table' AND lower(m.name) = lower(key."table"))`,
      [JSON.stringify(tables)],
    );
    if (dangling !== undefined) await knex.raw('PRAGMA foreign_keys = OFF');
  },

  // Left to itself SQLite moves its log into the file as a part of the COMMIT: twice the time, half of it for the disk's
  // sake, which batches would take for their own and shrink. By itself it holds no lock, so that others write meanwhile.
  // What lies in the log for several batches, somebody's sign-in would have to move: then one took 270 ms in place of 90.
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
        // As SQLite's own: what it could not move stays in the log, and what is wrong with the file shows at the next write.
      }
    },
  },

  deleteFrom: (knex, reference) => knex.raw('DELETE FROM ?', [reference]),
  affectedRows: (result) => (result as { readonly changes: number }).changes,

  // The wait for the lock is the same.
  single: (knex, work) => sqlite.transaction(knex, work),

  // Takes the lock for writing at once: one that is wanted only at the first change is refused without waiting.
  async transaction(knex, work) {
    const [before] = await knex.raw<readonly { readonly timeout: number }[]>('PRAGMA busy_timeout');
    // The driver waits in this very process, which hears no signal meanwhile.
    await knex.raw(`PRAGMA busy_timeout = ${String(LOCK_TIMEOUT)}`);
    try {
      await knex.raw('BEGIN IMMEDIATE');
      try {
        const result = await work(knex);
        await knex.raw('COMMIT');
        return result;
      } catch (error) {
        // A full disk has ended the transaction already.
        await knex.raw('ROLLBACK').catch(() => undefined);
        throw error;
      }
    } finally {
      await knex.raw(`PRAGMA busy_timeout = ${String(before?.timeout ?? 0)}`);
    }
  },

  // Half a gigabyte: every page that is touched stays in memory until it is written once.
  bulk: {
    prepare: async (knex) => {
      await knex.raw('PRAGMA cache_size = -500000');
    },
    vacuum: async (knex) => {
      await knex.raw('VACUUM');
    },
  },
  // Of an application with 100 sign-ins and 100 look-ups a second, 99 of 100 waited for less than 260 ms; with 50, in a
  // fifth less time, for less than 500.
  sweepTarget: 20,
  endingCost: 0.03,
  // 300,000 rows: by index in half the time of a walk at 2 % expired, in the same at 5 %, in 1.3 of it at 10 %.
  indexPaysBelow: 0.05,

  // Rows are numbered upwards; sweeps take away the low numbers, and other gaps do no harm to an estimate.
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

  // There are no statistics unless somebody runs ANALYZE; through an index counting so far is quick.
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

  advisoryLock: async (knex, subject) => (await import('./sqlite-lock.ts')).sqliteLock(knex, subject),

  lagMeter: () =>
    Promise.reject(
      new UsageError('an SQLite database has no replicas that could be behind', {
        hint: 'Leave out what asks for them.',
      }),
    ),

  // Rights are those of the file, which the refusal itself names.
  isDenied: () => false,

  hindrance(error) {
    return /^SQLITE_(?:BUSY|LOCKED)/.test(errorCode(error) ?? '') ? 'busy' : undefined;
  },

  explain: explainSqlite,
};

/** Rows are numbered in the order of insertion, but for tables WITHOUT ROWID, whose order is that of their key. */
async function hasRowid(knex: Knex, table: string): Promise<boolean> {
  const [definition] = await knex.raw<readonly { readonly sql: string }[]>(
    `SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?`,
    [table],
  );
  return !/\bWITHOUT\s+ROWID\b/i.test(definition?.sql ?? '');
}

/** Whole numbers come as `bigint`: those that a number of JavaScript cannot hold stay exact as text. */
function exactNumber(value: unknown): Value {
  if (typeof value !== 'bigint') return value as Value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** The same of what the driver answers: rows, or what a change has done. */
function exactNumbers(answer: unknown): unknown {
  const ofRow = (row: object) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, exactNumber(value)]));
  if (Array.isArray(answer)) return answer.map(ofRow);
  return typeof answer === 'object' && answer !== null ? ofRow(answer) : answer;
}

/** By SQLite's own rules of affinity; only keys are judged by it. */
function kindOf(type: string): ColumnKind {
  return /int/i.test(type) ? 'integer' : 'text';
}
