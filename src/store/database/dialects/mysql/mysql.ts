import type { Knex } from 'knex';
import type { Connection } from 'mysql2';
import { SchemaError } from '../../../../errors.ts';
import { capitalsOf, foldCase, isAscii } from '../../../../sessions/fold-case.ts';
import type { Instant } from '../../../../sessions/instant.ts';
import { tableLabel, type CatalogColumn, type CatalogTable, type ColumnKind } from '../../schema/catalog.ts';
import type { ServerLocation } from '../../connect/database-url.ts';
import { tableReference } from '../../query/table-reference.ts';
import { wallClock } from '../../schema/time-encoding.ts';
import { collectTables, collectViews, type CatalogRow, type ServerFacts } from '../catalog-rows.ts';
import { transactionsOf } from '../checked-transactions.ts';
import { withConnection } from '../connection.ts';
import type { Dialect, WantedTables } from '../dialect.ts';
import { explainMysql, isDeniedByMysql, isTimeLimit } from './refusals.ts';
import { keyWalk } from '../key-walk.ts';
import { addressIn, addressUnclear, network } from './address.ts';
import { errorCode, errorText, isBrokenConnection } from '../../../refusals.ts';
import { chunksOf, type RowEvents } from '../row-stream.ts';

const KINDS: Readonly<Record<string, ColumnKind>> = {
  char: 'text',
  varchar: 'text',
  tinytext: 'text',
  text: 'text',
  mediumtext: 'text',
  longtext: 'text',
  uuid: 'uuid',
  tinyint: 'integer',
  smallint: 'integer',
  mediumint: 'integer',
  int: 'integer',
  bigint: 'integer',
  timestamp: 'zoned time',
  datetime: 'zoneless time',
};

/** Rows and their description, as the driver returns them. */
type Answer<Row> = readonly [readonly Row[], unknown];

/** MySQL 5.7.8 and later, MariaDB 10.5 and later. */
export const mysql: Dialect = {
  name: 'mysql',

  connect: async (location, settings, access) =>
    (await import('./connection.ts')).connectMysql(location as ServerLocation, settings, access),

  async readCatalog(knex, wanted) {
    const rows = await readCatalogRows(knex, wanted);
    const found = collectTables(rows, kindOf);
    const missing = found
      .flatMap((table) => table.references.map((reference) => reference.table))
      .filter((name) => !found.some((table) => table.name === name));
    // The tables that foreign keys refer to have almost always been read already, by name.
    const more =
      missing.length === 0 ? [] : await readCatalogRows(knex, { names: [], named: missing, columns: [] });
    const [first] = rows;
    return {
      now: clockText(first?.now ?? ''),
      server: serverName(first?.version ?? ''),
      mayLag: Number(first?.read_only ?? 0) !== 0,
      tables: [...found, ...collectTables(more, kindOf)],
      views: collectViews(rows),
    };
  },

  async readClock(knex) {
    const answer: unknown = await knex.raw('SELECT CAST(UTC_TIMESTAMP(3) AS CHAR) AS now');
    const [[row]] = answer as readonly [readonly [{ readonly now: string }], unknown];
    return clockText(row.now);
  },

  timeEncodings(_knex, table, columns, timeZone) {
    return Promise.resolve(columns.map((column) => encodingOf(table, column, timeZone)));
  },

  strayKeys: null,

  fingerprint: (knex, column) => knex.raw('LEFT(SHA2(CONVERT(?? USING utf8mb4), 256), 12)', [column]),
  readFingerprint: (digits) => digits,

  // The collation may treat A and a as equal: the index finds candidates, the second comparison decides byte for byte.
  keyIn(knex, column, key, values) {
    const isOne = (of: Knex.Raw | Knex.Ref<string, Record<string, string>>, some: readonly string[]) =>
      knex.raw(`? IN (${some.map(() => '?').join(', ')})`, [of, ...some]);
    if (key.kind !== 'text') return isOne(knex.ref(column), values);
    const isExactly = isOne(knex.raw('CAST(CONVERT(?? USING utf8mb4) AS BINARY)', [column]), values);
    // A column of another character set refuses a text with letters that it lacks, so no index can find it.
    return values.every(isAscii)
      ? knex.raw('(? AND ?)', [isOne(knex.ref(column), values), isExactly])
      : isExactly;
  },

  keyBeginsWith: (knex, column, prefix) =>
    knex.raw('LEFT(CAST(CONVERT(?? USING utf8mb4) AS BINARY), ?) = CAST(? AS BINARY)', [
      column,
      Buffer.byteLength(prefix),
      prefix,
    ]),

  addressIn,
  addressUnclear,

  // MariaDB 10.5 has no list type that a query could search.
  containsAny(knex, column, texts) {
    const terms = texts.map((text) =>
      knex.raw('LOCATE(CAST(? AS BINARY), CAST(? AS BINARY)) > 0', [
        foldCase(text),
        folded(knex, column, text),
      ]),
    );
    return knex.raw(`(${terms.map(() => '?').join(' OR ')})`, terms);
  },
  isText: (knex, column, text) =>
    knex.raw('CAST(? AS BINARY) = CAST(? AS BINARY)', [folded(knex, column, text), foldCase(text)]),
  hasWord: (knex, text, word) =>
    knex.raw(`LOCATE(CAST(? AS BINARY), CAST(CONCAT(' ', ?, ' ') AS BINARY)) > 0`, [` ${word} `, text]),

  stream: (knex, query) =>
    withConnection(knex, async function* (connection: Connection) {
      const events: RowEvents = {
        start: (onRow, settle) => {
          connection
            .query({ sql: query.sql, values: [...query.bindings], rowsAsArray: true })
            .on('result', onRow)
            .on('error', settle)
            .on('end', () => {
              settle('end');
            });
        },
        pause: () => {
          connection.pause();
        },
        resume: () => {
          connection.resume();
        },
        abandon: () => {
          connection.destroy();
        },
      };
      yield* transactionsOf<Connection>(knex).stream(connection, query.limited, () => chunksOf(events));
    }),

  asText: inBytes,

  // The collation may treat A and a as equal.
  byBytes: (knex, column, key) =>
    key.kind === 'text' ? knex.raw('CAST(CONVERT(?? USING utf8mb4) AS BINARY)', [column]) : knex.ref(column),

  beginning: (knex, column, characters) => knex.raw(`substr(??, 1, ${String(characters)})`, [column]),

  // MySQL cannot sort by a text that is longer than its sort buffer: a client can send one of any length.
  sentText: (knex, column) => knex.raw('LEFT(??, 255)', [column]),

  quarterHour: (knex, column) =>
    knex.raw(`FLOOR(TIMESTAMPDIFF(MINUTE, '1970-01-01 00:00:00', ??) / 15)`, [column]),

  // A server without time zone tables sorts by the wall clock.
  milliseconds: (knex, column, { zone }) =>
    knex.raw(
      `TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', COALESCE(CONVERT_TZ(??, ?, '+00:00'), ??)) / 1000`,
      [column, zone ?? 'UTC', column],
    ),

  network,

  exactly: (knex, column) => knex.ref(column),

  prepareEnding: () => Promise.resolve(),
  batches: null,

  // Only the multi-table form accepts an alias in every version.
  deleteFrom: (knex, reference, alias) => knex.raw('DELETE ?? FROM ?', [alias, reference]),
  affectedRows: (result) => (result as readonly [{ readonly affectedRows: number }, unknown])[0].affectedRows,
  single: (knex, work) => work(knex),
  transaction: (knex, work) => knex.transaction(work),

  bulk: null,
  sweepTarget: 200,
  endingCost: 0.03,
  // Measured on 500,000 rows in a buffer pool that is too small for them: the index takes 0.6 of the time of a walk at
  // 2 % expired, and twice the time at 5 %. With 50,000 rows, which fit, the index pays up to 27 %.
  indexPaysBelow: 0.03,

  async tableRows(knex, table) {
    const [rows] = await knex.raw<Answer<{ readonly found: number | string | null }>>(
      'SELECT TABLE_ROWS AS found FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?',
      [table.name],
    );
    return Number(rows[0]?.found ?? 0);
  },

  // For an index, `rows` is the number of entries in the range; without one it would be the whole table.
  async estimateRows(knex, query) {
    const { sql, bindings } = query.toSQL();
    const [rows] = await knex.raw<
      Answer<{ readonly rows: number | string | null; readonly filtered?: number }>
    >(`EXPLAIN ${sql}`, bindings);
    return Math.round((Number(rows[0]?.rows ?? 0) * (rows[0]?.filtered ?? 100)) / 100);
  },

  walk: (knex, table, alias) =>
    Promise.resolve(
      keyWalk(knex, tableReference(knex, table, alias), `${alias}.${table.id.name}`, table.id.kind),
    ),

  advisoryLock: async (knex, subject) => (await import('./lock.ts')).mysqlLock(knex, subject),

  lagMeter: async (_own, replicas) => (await import('./lag.ts')).mysqlLag(replicas),

  isDenied: isDeniedByMysql,

  hindrance(error) {
    const code = errorCode(error) ?? '';
    if (BUSY.includes(code)) return 'busy';
    if (isTimeLimit(error)) return 'slow';
    const isLost = LOST.includes(code) || /closed state|Connection lost/i.test(errorText(error));
    return isLost || isBrokenConnection(error) ? 'lost' : undefined;
  },

  explain: explainMysql,
};

/** Under the column's own collation, A may equal a, and a letter may equal the same letter with an accent. */
function inBytes(knex: Knex, column: string): Knex.Raw {
  return knex.raw('CONVERT(CAST(?? AS CHAR) USING utf8mb4) COLLATE utf8mb4_bin', [column]);
}

/** LOWER turns İ and the Kelvin sign into ASCII letters; `foldCase` does not. */
const NEVER_ASCII = { i: '\u0130', k: '\u212a' } as const;

/** The column in the form of `foldCase`, for the letters of the text: server versions differ for other letters. */
function folded(knex: Knex, column: string, text: string): Knex.Raw {
  const sought = foldCase(text);
  const replaced = (from: Knex.Raw, [one, other]: readonly [string, string]) =>
    knex.raw('REPLACE(?, ?, ?)', [from, one, other]);
  const kept = Object.entries(NEVER_ASCII)
    .filter(([letter]) => sought.includes(letter))
    .map(([, capital]) => [capital, '\ufffd'] as const);
  const asIs = kept.reduce(replaced, inBytes(knex, column));
  return capitalsOf(sought).reduce(replaced, knex.raw('LOWER(?)', [asIs]));
}

/** The third is group replication: another member has changed the same rows. */
const BUSY: readonly string[] = [
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_TRANSACTION_ROLLBACK_DURING_COMMIT',
  'ER_CHECKREAD',
];

const LOST: readonly string[] = [
  'PROTOCOL_CONNECTION_LOST',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_CONNECTION_KILLED',
];

function clockText(text: string): Instant {
  return `${text.replace(' ', 'T')}Z` as Instant;
}

function encodingOf(table: CatalogTable, column: CatalogColumn, timeZone: string | null) {
  if (column.kind === 'zoned time') return wallClock('timestamp', timeZone, 'mysql timestamp');
  if (column.kind === 'zoneless time') return wallClock('datetime', timeZone, 'mysql datetime');
  throw new SchemaError(
    `${tableLabel(table)}.${column.name} has the type ${column.type}, which is not a type of time that Better Auth writes`,
    {
      hint: 'Supported types are timestamp and datetime. Is this the right column?',
    },
  );
}

function serverName(version: string): string {
  const number = /^[\d.]+/.exec(version.replace(/^5\.5\.5-/, ''))?.[0] ?? version;
  return `${/mariadb/i.test(version) ? 'MariaDB' : 'MySQL'} ${number}`;
}

function kindOf(type: string): ColumnKind {
  return KINDS[type.toLowerCase()] ?? 'other';
}

async function readCatalogRows(knex: Knex, { names, named, columns }: WantedTables) {
  const answer: unknown = await knex.raw(catalogQuery(names.length, named.length, columns), [
    ...names,
    ...named,
    ...columns.flat(),
  ]);
  const [rows] = answer as readonly [readonly (CatalogRow & ServerFacts)[], unknown];
  return rows;
}

/** The clock and the version are in every row, so that they arrive in the same round trip even if there is no table. */
function catalogQuery(tables: number, named: number, columns: WantedTables['columns']): string {
  const places = (count: number) => Array.from({ length: count }, () => '?').join(', ');
  const byName = [
    ...(tables > 0 ? [`LOWER(REPLACE(c.TABLE_NAME, '_', '')) IN (${places(tables)})`] : []),
    ...(named > 0 ? [`c.TABLE_NAME IN (${places(named)})`] : []),
    ...(columns.length > 0
      ? [
          `c.TABLE_NAME IN (SELECT TABLE_NAME FROM information_schema.COLUMNS
             WHERE TABLE_SCHEMA = DATABASE() GROUP BY TABLE_NAME HAVING ${columns
               .map(
                 ({ length }) =>
                   `SUM(LOWER(REPLACE(COLUMN_NAME, '_', '')) IN (${places(length)})) >= ${String(length)}`,
               )
               .join(' OR ')})`,
        ]
      : []),
  ].join(' OR ');
  return `
SELECT facts.now, facts.version, facts.read_only, t.table_name, t.table_kind, t.column_name, t.data_type, t.extra, t.referenced_table
  FROM (SELECT CAST(UTC_TIMESTAMP(3) AS CHAR) AS now, VERSION() AS version,
               @@read_only OR @@innodb_read_only AS read_only) facts
  LEFT JOIN (
    SELECT c.TABLE_NAME AS table_name, CASE b.TABLE_TYPE WHEN 'VIEW' THEN 'view' ELSE 'table' END AS table_kind, c.COLUMN_NAME AS column_name, c.DATA_TYPE AS data_type,
           c.EXTRA AS extra, c.ORDINAL_POSITION AS position, MIN(k.REFERENCED_TABLE_NAME) AS referenced_table
      FROM information_schema.COLUMNS c
      JOIN information_schema.TABLES b
        ON b.TABLE_SCHEMA = c.TABLE_SCHEMA AND b.TABLE_NAME = c.TABLE_NAME AND b.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')
      LEFT JOIN information_schema.KEY_COLUMN_USAGE k
        ON k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME AND k.COLUMN_NAME = c.COLUMN_NAME
       AND k.REFERENCED_TABLE_SCHEMA = c.TABLE_SCHEMA
     WHERE c.TABLE_SCHEMA = DATABASE() AND (${byName})
     GROUP BY c.TABLE_NAME, b.TABLE_TYPE, c.COLUMN_NAME, c.DATA_TYPE, c.EXTRA, c.ORDINAL_POSITION
  ) t ON TRUE
 ORDER BY t.table_name, t.position`;
}
