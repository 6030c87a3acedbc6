import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { inject } from 'vitest';
import { serverUrl, type Dialect } from './servers.ts';

export type Row = Readonly<Record<string, unknown>>;

interface Handle {
  /** What sessionctl is given. */
  readonly url: string;
  /** Raw access: the rows of a query, or nothing for a statement. */
  readonly query: (sql: string) => Promise<readonly Row[]>;
  /** Closes every connection and drops the database. May be called again. */
  readonly drop: () => Promise<void>;
}

export interface PostgresDatabase extends Handle {
  readonly dialect: 'postgresql';
  readonly pool: pg.Pool;
}

export interface MysqlDatabase extends Handle {
  readonly dialect: 'mysql';
  readonly pool: mysql.Pool;
}

export interface SqliteDatabase extends Handle {
  readonly dialect: 'sqlite';
  readonly file: string;
  readonly connection: BetterSqlite3.Database;
}

export type TestDatabase = PostgresDatabase | MysqlDatabase | SqliteDatabase;

export interface DatabaseOptions {
  /** PostgreSQL: set for every connection of the database, the application's and sessionctl's alike. */
  readonly searchPath?: string;
  /** mysql2's option of this name: what the application takes the wall clock of a `Date` for. */
  readonly mysqlTimeZone?: 'local' | 'Z';
  /** In which the server keeps text, instead of UTF-8. */
  readonly encoding?: string;
}

/** Makes an empty database with a random name. Whoever calls drops it; what remains is dropped after all tests. */
export async function createDatabase(dialect: Dialect, options: DatabaseOptions = {}): Promise<TestDatabase> {
  if (dialect === 'postgresql') return createPostgres(options);
  if (dialect === 'mysql') return createMysql(options);
  return createSqlite();
}

export async function createPostgres(options: DatabaseOptions = {}): Promise<PostgresDatabase> {
  const name = randomName();
  const admin = new pg.Client({ connectionString: serverUrl('postgresql') });
  await admin.connect();
  const encoding =
    options.encoding === undefined
      ? ''
      : ` ENCODING '${options.encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`;
  await admin.query(`CREATE DATABASE "${name}"${encoding}`);
  // These databases live for seconds: nothing is gained by waiting for the disk.
  await admin.query(`ALTER DATABASE "${name}" SET synchronous_commit = off`);
  const url = withDatabase(serverUrl('postgresql'), name);
  const pool = new pg.Pool({
    connectionString: url,
    max: 3,
    ...(options.searchPath === undefined ? {} : { options: `-c search_path=${options.searchPath}` }),
  });
  // Dropping the database cuts off a connection that is still saying goodbye.
  pool.on('error', () => undefined);
  return {
    dialect: 'postgresql',
    url,
    pool,
    query: async (sql) => (await pool.query<Row>(sql)).rows,
    drop: once(async () => {
      await pool.end();
      await admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      await admin.end();
    }),
  };
}

export async function createMysql(options: DatabaseOptions = {}): Promise<MysqlDatabase> {
  const name = randomName();
  const admin = await mysql.createConnection(serverUrl('mysql'));
  await admin.query(`CREATE DATABASE \`${name}\` CHARACTER SET ${options.encoding ?? 'utf8mb4'}`);
  const url = withDatabase(serverUrl('mysql'), name);
  const pool = mysql.createPool({ uri: url, connectionLimit: 3, timezone: options.mysqlTimeZone ?? 'Z' });
  return {
    dialect: 'mysql',
    url,
    pool,
    query: async (sql) => {
      const [rows] = await pool.query(sql);
      return Array.isArray(rows) ? (rows as Row[]) : [];
    },
    drop: once(async () => {
      await pool.end();
      await admin.query(`DROP DATABASE IF EXISTS \`${name}\``);
      await admin.end();
    }),
  };
}

export async function createSqlite(): Promise<SqliteDatabase> {
  const directory = await mkdtemp(join(inject('temporaryDirectory'), 'sqlite-'));
  const file = join(directory, 'auth.db');
  const connection = new BetterSqlite3(file);
  // These files live for seconds: nothing is gained by waiting for the disk.
  connection.pragma('synchronous = OFF');
  return {
    dialect: 'sqlite',
    url: `sqlite:${file}`,
    file,
    connection,
    query: (sql) => {
      const statement = connection.prepare<[], Row>(sql);
      if (statement.reader) return Promise.resolve(statement.all());
      statement.run();
      return Promise.resolve([]);
    },
    drop: once(async () => {
      connection.close();
      await rm(directory, { recursive: true, force: true });
    }),
  };
}

/** A literal of the dialect, for the few places where tests write SQL around text. */
export function literal(dialect: Dialect, value: string | number | null): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  const escaped = dialect === 'mysql' ? value.replaceAll('\\', '\\\\') : value;
  return `'${escaped.replaceAll("'", "''")}'`;
}

/** The same server, another database. */
export function withDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}

function randomName(): string {
  return `${inject('databasePrefix')}${randomBytes(5).toString('hex')}`;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
