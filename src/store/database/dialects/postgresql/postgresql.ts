import type { Socket } from 'node:net';
import type { Client, CustomTypesConfig, QueryArrayConfig } from 'pg';
import { SchemaError } from '../../../../errors.ts';
import type { Knex } from 'knex';
import { capitalsOf, foldCase, isAscii } from '../../../../sessions/fold-case.ts';
import type { Instant } from '../../../../sessions/instant.ts';
import {
  tableLabel,
  type Catalog,
  type CatalogColumn,
  type CatalogTable,
  type ColumnKind,
} from '../../schema/catalog.ts';
import type { ServerLocation } from '../../connect/database-url.ts';
import { wallClock, withOffset } from '../../schema/time-encoding.ts';
import { addressIn, addressUnclear, network } from './address.ts';
import type { Dialect, Value } from '../dialect.ts';
import { explainPostgresql } from './refusals.ts';
import { regclassName, TABLE_TREE } from './regclass-name.ts';
import { errorCode, errorText, isBrokenConnection } from '../../../refusals.ts';
import { chunksOf, type RowEvents } from '../row-stream.ts';
import { withConnection } from '../connection.ts';
import { transactionsOf } from '../checked-transactions.ts';

const KINDS: Readonly<Record<string, ColumnKind>> = {
  text: 'text',
  varchar: 'text',
  bpchar: 'text',
  citext: 'text',
  uuid: 'uuid',
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  timestamptz: 'zoned time',
  timestamp: 'zoneless time',
};

/** Times and numbers stay in the server's text form: parsing dates into `Date` costs three times as much. */
const asText: CustomTypesConfig = { getTypeParser: () => (value: string | Buffer) => value };

interface CatalogRow {
  readonly now: string;
  readonly version: string;
  readonly mayLag: boolean;
  readonly tables: readonly {
    readonly schema: string;
    readonly name: string;
    readonly relkind: string;
    readonly isReadable: boolean;
    readonly isOnPath: boolean;
    readonly hidesRows: boolean;
    readonly columns: readonly { readonly name: string; readonly type: string }[];
    readonly references: readonly {
      readonly column: string;
      readonly schema: string;
      readonly table: string;
    }[];
  }[];
}

function inBytes(knex: Knex, column: string): Knex.Raw {
  return knex.raw('CAST(?? AS text) COLLATE "C"', [column]);
}

/**
 * The column in the form of `foldCase`, for the letters of the text: the server's locale may not know other letters.
 */
function folded(knex: Knex, column: string, text: string): Knex.Raw {
  const lower = knex.raw('lower(?)', [inBytes(knex, column)]);
  const capitals = capitalsOf(foldCase(text));
  if (capitals.length === 0) return lower;
  const letters = (at: 0 | 1) => capitals.map((pair) => pair[at]).join('');
  return knex.raw('translate(?, ?, ?)', [lower, letters(0), letters(1)]);
}

const CLOCK = `to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** JSON arrives parsed. */
interface PlanRow {
  readonly 'QUERY PLAN': readonly [{ readonly Plan: { readonly 'Plan Rows': number } }];
}

/** As of the last VACUUM or ANALYZE; before the first one, estimated from the size. */
const TABLE_ROWS = `
WITH RECURSIVE tree AS (${TABLE_TREE})
SELECT COALESCE(sum(CASE WHEN c.reltuples >= 0 AND c.relpages > 0 THEN c.reltuples
                         ELSE pg_relation_size(c.oid) / current_setting('block_size')::bigint * 20 END), 0)::float8 AS rows
  FROM pg_catalog.pg_class c JOIN tree ON tree.oid = c.oid
 WHERE c.relkind = 'r'`;

/** PostgreSQL 12 and later. */
export const postgresql: Dialect = {
  name: 'postgresql',

  connect: async (location, settings, access) =>
    (await import('./connection.ts')).connectPostgresql(location as ServerLocation, settings, access),

  async readCatalog(knex, wanted) {
    const { rows } = await knex.raw<{ rows: [CatalogRow] }>(CATALOG, {
      tables: [...wanted.names],
      named: [...wanted.named],
      columns: wanted.columns.map((list) => JSON.stringify(list)),
    });
    const [row] = rows;
    return {
      now: row.now as Instant,
      mayLag: row.mayLag,
      server: `PostgreSQL ${row.version.split(' ')[0] ?? ''}`,
      tables: row.tables
        .filter(({ relkind }) => NOT_TABLES[relkind] === undefined)
        .map((table) => ({
          ...table,
          columns: table.columns.map((column) => ({
            ...column,
            kind: KINDS[column.type] ?? 'other',
            onUpdate: false,
          })),
        })),
      views: row.tables.flatMap(({ schema, name, relkind }) => {
        const kind = NOT_TABLES[relkind];
        return kind === undefined ? [] : [{ schema, name, kind }];
      }),
    } satisfies Catalog;
  },

  async readClock(knex) {
    const { rows } = await knex.raw<{ rows: [{ now: string }] }>(`SELECT ${CLOCK} AS now`);
    return rows[0].now as Instant;
  },

  timeEncodings(_knex, table, columns, timeZone) {
    return Promise.resolve(columns.map((column) => encodingOf(table, column, timeZone)));
  },

  strayKeys: null,

  fingerprint: (knex, column) =>
    knex.raw(`substr(encode(sha256(textsend(CAST(?? AS text))), 'hex'), 1, 12)`, [column]),
  readFingerprint: (digits) => digits,

  keyIn(knex, column, key, values) {
    const type = key.kind === 'uuid' ? 'uuid' : 'bigint';
    if (key.kind !== 'text') return knex.raw(`?? = ANY (CAST(? AS ${type}[]))`, [column, [...values]]);
    // The collation may treat A and a as equal: the index finds candidates, the second comparison decides byte for
    // byte.
    const plain = values.filter(isAscii);
    const isPlain = knex.raw('(?? = ANY (CAST(? AS text[])) AND ? = ANY (CAST(? AS text[])))', [
      column,
      plain,
      inBytes(knex, column),
      plain,
    ]);
    if (plain.length === values.length) return isPlain;
    // A database in another encoding refuses a text with letters that it lacks.
    const others = values.filter((value) => !isAscii(value)).map((value) => Buffer.from(value));
    return knex.raw('(? OR textsend(CAST(?? AS text)) = ANY (CAST(? AS bytea[])))', [
      isPlain,
      column,
      others,
    ]);
  },

  keyBeginsWith: (knex, column, prefix) => knex.raw('starts_with(?, ?)', [inBytes(knex, column), prefix]),

  addressIn,
  addressUnclear,

  containsAny(knex, column, texts) {
    const wanted = texts.map(foldCase);
    const held = folded(knex, column, wanted.join(''));
    const [only] = wanted;
    if (wanted.length === 1 && only !== undefined) return knex.raw('strpos(?, ?) > 0', [held, only]);
    // One array: thousands of terms would keep the planner busy for minutes. OFFSET 0 makes each value be folded only
    // once.
    return knex.raw(
      `(SELECT EXISTS (SELECT 1 FROM unnest(CAST(? AS text[])) wanted
                        WHERE strpos(held.folded COLLATE "C", wanted COLLATE "C") > 0)
          FROM (SELECT ? AS folded OFFSET 0) held)`,
      [wanted, held],
    );
  },
  isText: (knex, column, text) => knex.raw('? = ?', [folded(knex, column, text), foldCase(text)]),
  hasWord: (knex, text, word) => knex.raw(`strpos(' ' || ? || ' ', ?) > 0`, [text, ` ${word} `]),

  stream: (knex, query) =>
    withConnection(knex, async function* (connection: Client) {
      const { Query } = (await import('pg')).default;
      const transactions = transactionsOf<Client>(knex);
      const config: QueryArrayConfig = {
        text: transactions.toPrimary + query.sql,
        values: [...query.bindings],
        rowMode: 'array',
        types: asText,
      };
      const socket = (connection as unknown as { readonly connection: { readonly stream: Socket } })
        .connection.stream;
      const events: RowEvents = {
        start: (onRow, settle) => {
          connection
            .query(new Query<Value[]>(config))
            .on('row', onRow)
            .on('error', settle)
            .on('end', () => {
              settle('end');
            });
        },
        pause: () => {
          socket.pause();
        },
        resume: () => {
          socket.resume();
        },
        abandon: () => {
          socket.destroy();
        },
      };
      yield* transactions.stream(connection, query.limited, () => chunksOf(events));
    }),

  asText: inBytes,

  // Under any other collation the C library compares text, which takes several times as long.
  byBytes: (knex, column, key) => (key.kind === 'text' ? inBytes(knex, column) : knex.ref(column)),

  beginning: (knex, column, characters) =>
    knex.raw(`substr(CAST(?? AS text), 1, ${String(characters)})`, [column]),

  sentText: (knex, column) => knex.ref(column),

  quarterHour: (knex, column) => knex.raw('CAST(floor(extract(epoch FROM ??) / 900) AS bigint)', [column]),

  milliseconds(knex, column, { zone }) {
    // An offset as text would have the opposite sign: PostgreSQL reads it like POSIX.
    const inUtc =
      zone === null ? '??' : /^[+-]/.test(zone) ? '?? AT TIME ZONE CAST(? AS interval)' : '?? AT TIME ZONE ?';
    return knex.raw(`extract(epoch FROM ${inUtc}) * 1000`, zone === null ? [column] : [column, zone]);
  },

  network,

  // As a Date, a moment would lose its microseconds, and one without a zone would get the zone of this process.
  exactly: (knex, column) => postgresql.asText(knex, column),

  prepareEnding: () => Promise.resolve(),
  batches: null,

  deleteFrom: (knex, reference) => knex.raw('DELETE FROM ?', [reference]),
  affectedRows: (result) => (result as { readonly rowCount: number | null }).rowCount ?? 0,
  single: (knex, work) => work(knex),
  transaction: (knex, work) => knex.transaction(work),

  bulk: null,
  sweepTarget: 50,
  endingCost: 0.01,
  // Measured on 500,000 rows: the index takes 0.4 of the time of a walk at 1 % expired, the same time at 2 %, 1.7 of it
  // at 5 %.
  indexPaysBelow: 0.02,

  async tableRows(knex, table) {
    const { rows } = await knex.raw<{ rows: readonly { readonly rows: number }[] }>(TABLE_ROWS, {
      name: regclassName(table),
    });
    return rows[0]?.rows ?? 0;
  },

  async estimateRows(knex, query) {
    const { sql, bindings } = query.toSQL();
    const { rows } = await knex.raw<{ rows: [PlanRow] }>(`EXPLAIN (FORMAT JSON) ${sql}`, bindings);
    const [{ 'QUERY PLAN': plan }] = rows;
    return plan[0].Plan['Plan Rows'];
  },

  async walk(knex, table, alias) {
    const { postgresqlWalk } = await import('./walk.ts');
    return postgresqlWalk(knex, table, alias);
  },

  advisoryLock: async (knex, subject) => (await import('./lock.ts')).postgresqlLock(knex, subject),

  lagMeter: async (own) => (await import('./lag.ts')).postgresqlLag(own),

  isDenied: (error) => errorCode(error) === '42501',

  hindrance(error) {
    const code = errorCode(error) ?? '';
    if (['40001', '40P01', '55P03'].includes(code)) return 'busy';
    if (code === '57014') return 'slow';
    if (/^(?:08|57P0[123]|53300)/.test(code)) return 'lost';
    const isLost = /Connection terminated|not queryable|Client was closed/i.test(errorText(error));
    return isLost || isBrokenConnection(error) ? 'lost' : undefined;
  },

  explain: explainPostgresql,
};

function encodingOf(table: CatalogTable, column: CatalogColumn, timeZone: string | null) {
  if (column.kind === 'zoned time') return withOffset('timestamp with time zone');
  if (column.kind === 'zoneless time')
    return wallClock('timestamp without time zone', timeZone, 'postgresql');
  throw new SchemaError(
    `${tableLabel(table)}.${column.name} has the type ${column.type}, which is not a type of time that Better Auth writes`,
    {
      hint: 'Supported types are timestamptz and timestamp. Is this the right column?',
    },
  );
}

/** By `relkind`. */
const NOT_TABLES: Readonly<Record<string, string>> = {
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
};

/**
 * A search_path counts only if it was set explicitly: the server's default names `public`, regardless of the
 * application's schema.
 */
const CATALOG = `
WITH candidate AS (
  SELECT c.oid, c.relname, n.nspname, c.relkind
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
     AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
     AND (lower(replace(c.relname, '_', '')) = ANY (CAST(:tables AS text[])) OR c.relname = ANY (CAST(:named AS text[]))
          OR c.relkind IN ('r', 'p') AND (
            SELECT jsonb_agg(lower(replace(a.attname, '_', ''))) @> ANY (CAST(:columns AS jsonb[]))
              FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
), reference AS (
  SELECT k.conrelid, a.attname, t.oid, t.relname, n.nspname, t.relkind
    FROM pg_catalog.pg_constraint k
    JOIN candidate ON candidate.oid = k.conrelid
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    JOIN pg_catalog.pg_class t ON t.oid = k.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
   WHERE k.contype = 'f' AND cardinality(k.conkey) = 1
), wanted AS (
  SELECT oid, relname, nspname, relkind FROM candidate UNION SELECT oid, relname, nspname, relkind FROM reference
)
SELECT ${CLOCK} AS now,
       current_setting('server_version') AS version,
       pg_is_in_recovery() AS "mayLag",
       COALESCE((SELECT json_agg(json_build_object(
         'schema', w.nspname,
         'name', w.relname,
         'relkind', w.relkind,
         'isReadable', has_schema_privilege(w.nspname, 'USAGE') AND has_any_column_privilege(w.oid, 'SELECT'),
         'isOnPath', pg_table_is_visible(w.oid) AND (
           SELECT source NOT IN ('default', 'configuration file', 'command line', 'environment variable')
             FROM pg_catalog.pg_settings WHERE name = 'search_path'),
         'hidesRows', row_security_active(w.oid) AND (
           EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = w.oid AND p.polcmd IN ('*', 'r') AND NOT p.polpermissive)
           OR NOT EXISTS (
             SELECT FROM pg_catalog.pg_policy p, unnest(p.polroles) role
              WHERE p.polrelid = w.oid AND p.polcmd IN ('*', 'r') AND p.polpermissive AND pg_get_expr(p.polqual, p.polrelid) = 'true'
                AND CASE WHEN role = 0 THEN TRUE ELSE pg_has_role(role, 'USAGE') END)),
         'columns', (SELECT json_agg(json_build_object('name', a.attname, 'type', COALESCE(b.typname, t.typname)) ORDER BY a.attnum)
                       FROM pg_catalog.pg_attribute a
                       JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                       LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
                      WHERE a.attrelid = w.oid AND a.attnum > 0 AND NOT a.attisdropped),
         'references', COALESCE((SELECT json_agg(json_build_object('column', r.attname, 'schema', r.nspname, 'table', r.relname))
                                   FROM reference r WHERE r.conrelid = w.oid), '[]')
       ) ORDER BY w.nspname, w.relname) FROM wanted w), '[]') AS tables`;
