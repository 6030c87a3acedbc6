import type { Knex } from 'knex';
import type { Connection, RowDataPacket } from 'mysql2';
import { SchemaError } from '../../../errors.ts';
import type { Instant } from '../../../sessions/instant.ts';
import { tableLabel, type CatalogColumn, type CatalogTable, type ColumnKind } from '../catalog.ts';
import type { ServerLocation } from '../database-url.ts';
import { tableReference } from '../table-reference.ts';
import { wallClock } from '../time-encoding.ts';
import { collectTables, collectViews, type CatalogRow, type ServerFacts } from './catalog-rows.ts';
import { knexOf, oneConnection, quietKnex, withConnection } from './connection.ts';
import type { Dialect, WantedTables } from './dialect.ts';
import { explainMysql, isDeniedByMysql, isTimeLimit } from './mysql-refusals.ts';
import { keyWalk } from './key-walk.ts';
import { addressIn, addressUnclear } from './mysql-address.ts';
import { errorCode, errorText, isBrokenConnection } from '../../refusals.ts';
import { chunksOf } from './row-stream.ts';
import { attemptsOf } from './attempts.ts';
import { connectingTo } from './mysql-attempts.ts';

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

/** Rows and their description, as the driver answers. */
type Answer<Row> = readonly [readonly Row[], unknown];

/** MySQL 5.7.8 and later, MariaDB 10.5 and later. */
export const mysql: Dialect = {
  name: 'mysql',

  async connect(location, settings, access) {
    const server = location as ServerLocation;
    const { default: Client } = await import('knex/lib/dialects/mysql2/index.js');
    const attempts = attemptsOf(server, settings.tls);
    const setUp = sessionVariables(settings.statementTimeout, settings.timeZone);
    const client = new Client({
      client: 'mysql2',
      ...quietKnex,
      pool: {
        ...oneConnection,
        afterCreate: (
          connection: Connection,
          done: (error: Error | null, connection: Connection) => void,
        ) => {
          connection.query(setUp, (error) => {
            if (error !== null || access === 'read') done(error, connection);
            else
              giveWay(connection).then(
                () => {
                  done(null, connection);
                },
                (refusal: unknown) => {
                  done(refusal as Error, connection);
                },
              );
          });
        },
      },
      acquireConnectionTimeout: attempts.length * settings.connectTimeout + 1000,
      connection: {
        ...(server.database === '' ? {} : { database: server.database }),
        ...(server.user === null ? {} : { user: server.user }),
        ...(server.password === null ? {} : { password: server.password }),
        connectTimeout: settings.connectTimeout,
        charset: 'utf8mb4',
        // Whole numbers beyond 2^53 and times stay the text that the server wrote.
        supportBigNumbers: true,
        bigNumberStrings: true,
        dateStrings: true,
        connectAttributes: { program_name: 'sessionctl' },
      },
    });
    return knexOf(connectingTo(client, attempts));
  },

  async readCatalog(knex, wanted) {
    const rows = await readCatalogRows(knex, wanted);
    const found = collectTables(rows, kindOf);
    const missing = found
      .flatMap((table) => table.references.map((reference) => reference.table))
      .filter((name) => !found.some((table) => table.name === name));
    // The tables that foreign keys lead to have almost always been read already, by their names.
    const more =
      missing.length === 0 ? [] : await readCatalogRows(knex, { names: [], named: missing, columns: [] });
    const [first] = rows;
    return {
      now: clockText(first?.now ?? ''),
      server: serverName(first?.version ?? ''),
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

  fingerprint: (knex, column) => knex.raw('LEFT(SHA2(CONVERT(?? USING utf8mb4), 256), 12)', [column]),
  readFingerprint: (digits) => digits,

  // The collation may take A for a: the index finds candidates, the second comparison decides byte for byte.
  keyIn(knex, column, key, values) {
    const places = values.map(() => '?').join(', ');
    if (key.kind !== 'text') return knex.raw(`?? IN (${places})`, [column, ...values]);
    return knex.raw(`(?? IN (${places}) AND CAST(CONVERT(?? USING utf8mb4) AS BINARY) IN (${places}))`, [
      column,
      ...values,
      column,
      ...values,
    ]);
  },

  keyBeginsWith: (knex, column, prefix) =>
    knex.raw('LEFT(CAST(CONVERT(?? USING utf8mb4) AS BINARY), ?) = CAST(? AS BINARY)', [
      column,
      Buffer.byteLength(prefix),
      prefix,
    ]),

  addressIn,
  addressUnclear,

  // The column's own collation might take an accent for nothing; lower-case bytes are compared in its place.
  contains: (knex, column, text) =>
    knex.raw(
      'LOCATE(LOWER(CONVERT(? USING utf8mb4) COLLATE utf8mb4_bin), LOWER(CONVERT(?? USING utf8mb4) COLLATE utf8mb4_bin)) > 0',
      [text, column],
    ),

  stream: (knex, query) =>
    withConnection(knex, async function* (connection: Connection) {
      // How long a whole list takes is up to its reader.
      if (!query.limited) await connection.promise().query(NO_TIME_LIMIT);
      yield* chunksOf({
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
      });
    }),

  asText: (knex, column) => knex.raw('CAST(?? AS CHAR)', [column]),

  // The collation may take A for a.
  byBytes: (knex, column, key) =>
    key.kind === 'text' ? knex.raw('CAST(CONVERT(?? USING utf8mb4) AS BINARY)', [column]) : knex.ref(column),

  quarterHour: (knex, column) =>
    knex.raw(`FLOOR(TIMESTAMPDIFF(MINUTE, '1970-01-01 00:00:00', ??) / 15)`, [column]),

  network: (knex, column) =>
    knex.raw(
      `CASE WHEN LOCATE('.', ??) > 0 AND LOCATE(':', ??) = 0 THEN CONCAT(SUBSTRING_INDEX(??, '.', 3), '.')
            WHEN CHAR_LENGTH(??) = 39 THEN LEFT(??, 14) END`,
      [column, column, column, column, column],
    ),

  exactly: (knex, column) => knex.ref(column),

  prepareEnding: () => Promise.resolve(),
  batches: null,

  // The form for several tables is the only one that takes an alias everywhere.
  deleteFrom: (knex, reference, alias) => knex.raw('DELETE ?? FROM ?', [alias, reference]),
  affectedRows: (result) => (result as readonly [{ readonly affectedRows: number }, unknown])[0].affectedRows,
  single: (knex, work) => work(knex),
  transaction: (knex, work) => knex.transaction(work),

  bulk: null,
  sweepTarget: 200,
  endingCost: 0.03,
  // 500,000 rows in a buffer pool that is too small for them: by index in 0.6 of the time of a walk at 2 % expired, in
  // twice that time at 5 %. With 50,000, which it holds, the index pays up to 27 %.
  indexPaysBelow: 0.03,

  async tableRows(knex, table) {
    const [rows] = await knex.raw<Answer<{ readonly found: number | string | null }>>(
      'SELECT TABLE_ROWS AS found FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?',
      [table.name],
    );
    return Number(rows[0]?.found ?? 0);
  },

  // An index answers with how many entries lie in the range; without one, `rows` would be the whole table.
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

  advisoryLock: async (knex, subject) => (await import('./mysql-lock.ts')).mysqlLock(knex, subject),

  lagMeter: async (_own, replicas) => (await import('./mysql-lag.ts')).mysqlLag(replicas),

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

/**
 * One statement that fixes what queries rely on. A statement by itself is a transaction. The mode keeps the escaping of bound values safe
 * (NO_BACKSLASH_ESCAPES) and identifiers quoted by backticks (ANSI_QUOTES). With a configured zone the connection stays
 * in the server's own, as the application's is, and the wall clock that the application wrote is read back as it is;
 * without, timestamps are the instants that the server takes them for.
 */
function sessionVariables(statementTimeout: number, timeZone: string | null): string {
  const zone = timeZone === null ? `, time_zone = '+00:00'` : '';
  return `SET autocommit = 1, sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'${zone}${statementTimeout === 0 ? '' : `, ${timeLimit(statementTimeout)}`}`;
}

/** MariaDB and MySQL have names of their own for it; each executes only the comment that is for it. */
function timeLimit(milliseconds: number): string {
  const seconds = (milliseconds / 1000).toFixed(3);
  return `sql_auto_is_null = 0 /*M! , max_statement_time = ${seconds} */ /*!50708 , max_execution_time = ${String(milliseconds)} */`;
}

const NO_TIME_LIMIT = `SET ${timeLimit(0)}`;

/** The third one is group replication: another member has changed the same rows. */
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

/**
 * Sets a connection up so that ending sessions gives way to requests. READ COMMITTED locks rows alone: the default
 * locks the gaps between them too, where every sign-in wants to insert, and of a deadlock with it the sign-in would be
 * the victim. A server that writes statements to its binary log cannot have that, and keeps the default. A lock is waited
 * for one second, which is the shortest.
 */
async function giveWay(connection: Connection): Promise<void> {
  const database = connection.promise();
  const [rows] = await database.query<RowDataPacket[]>(
    `SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format')`,
  );
  const logged = rows.map((row) => String(row['Value']).toUpperCase());
  if (!(logged.includes('ON') && logged.includes('STATEMENT')))
    await database.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  // The second one is for a table that somebody has locked as a whole.
  await database.query('SET SESSION innodb_lock_wait_timeout = 1, SESSION lock_wait_timeout = 1');
}

function clockText(text: string): Instant {
  return `${text.replace(' ', 'T')}Z` as Instant;
}

function encodingOf(table: CatalogTable, column: CatalogColumn, timeZone: string | null) {
  if (column.kind === 'zoned time') return wallClock('timestamp', timeZone, 'mysql timestamp');
  if (column.kind === 'zoneless time') return wallClock('datetime', timeZone, 'mysql datetime');
  throw new SchemaError(
    `${tableLabel(table)}.${column.name} has the type ${column.type}, which is no time that Better Auth writes`,
    {
      hint: 'Known are timestamp and datetime. Is this the right column?',
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
  const answer: unknown = await knex.raw(catalogQuery(names.length, named.length, columns.length), [
    ...names,
    ...named,
    ...(columns.length > 0 ? [...columns, columns.length] : []),
  ]);
  const [rows] = answer as readonly [readonly (CatalogRow & ServerFacts)[], unknown];
  return rows;
}

/** The clock and the version stand in every row, so that they come even where no table does, in the same round trip. */
function catalogQuery(tables: number, named: number, columns: number): string {
  const places = (count: number) => Array.from({ length: count }, () => '?').join(', ');
  const byName = [
    ...(tables > 0 ? [`LOWER(REPLACE(c.TABLE_NAME, '_', '')) IN (${places(tables)})`] : []),
    ...(named > 0 ? [`c.TABLE_NAME IN (${places(named)})`] : []),
    ...(columns > 0
      ? [
          `c.TABLE_NAME IN (SELECT TABLE_NAME FROM information_schema.COLUMNS
             WHERE TABLE_SCHEMA = DATABASE() AND LOWER(REPLACE(COLUMN_NAME, '_', '')) IN (${places(columns)})
             GROUP BY TABLE_NAME HAVING COUNT(*) = ?)`,
        ]
      : []),
  ].join(' OR ');
  return `
SELECT facts.now, facts.version, t.table_name, t.table_kind, t.column_name, t.data_type, t.extra, t.referenced_table
  FROM (SELECT CAST(UTC_TIMESTAMP(3) AS CHAR) AS now, VERSION() AS version) facts
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
