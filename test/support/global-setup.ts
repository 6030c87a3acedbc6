import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { sessionctlBinary } from './binary.ts';
import type { Server, ServerDialect, Servers } from './servers.ts';

interface Kind {
  readonly title: string;
  readonly variable: string;
  readonly usual: string;
  readonly start: string;
  /** Runs statements that give one column of text, on a connection of its own. */
  readonly run: (url: string, statements: readonly string[]) => Promise<readonly string[]>;
  readonly listDatabases: string;
  readonly dropDatabase: (name: string) => string;
}

const kinds: Readonly<Record<ServerDialect, Kind>> = {
  postgresql: {
    title: 'PostgreSQL',
    variable: 'TEST_POSTGRES_URL',
    usual: 'postgres://postgres@127.0.0.1:5432/postgres',
    start: 'docker run -d -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres:17',
    run: runOnPostgres,
    listDatabases: 'SELECT datname AS name FROM pg_database',
    dropDatabase: (name) => `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`,
  },
  mysql: {
    title: 'MySQL or MariaDB',
    variable: 'TEST_MYSQL_URL',
    usual: 'mysql://root@127.0.0.1:3306/mysql',
    start: 'docker run -d -p 3306:3306 -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 mariadb:11',
    run: runOnMysql,
    listDatabases: 'SELECT schema_name AS name FROM information_schema.schemata',
    dropDatabase: (name) => `DROP DATABASE IF EXISTS \`${name}\``,
  },
};

/** Looks for the servers once, tells the tests, and at the very end drops what an interrupted test left behind. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(new URL('../dist/main.js', sessionctlBinary))) {
    throw new Error('The tests run the built program: `npm run build` first, or `npm test`, which builds.');
  }
  const servers: Servers = { postgresql: await probe('postgresql'), mysql: await probe('mysql') };
  const missing = Object.values(servers).flatMap((server) => ('missing' in server ? [server.missing] : []));
  if (missing.length > 0 && process.env['SESSIONCTL_REQUIRE_SERVERS'] === '1')
    throw new Error(missing.join('\n'));
  for (const reason of missing) process.stderr.write(`\nSKIPPING TESTS: ${reason}\n`);

  const databasePrefix = `sessionctl_test_${randomBytes(4).toString('hex')}_`;
  project.provide('servers', servers);
  project.provide('databasePrefix', databasePrefix);
  const temporaryDirectory = mkdtempSync(join(tmpdir(), 'sessionctl-test-'));
  // Some tests run the program as a user who owns nothing.
  chmodSync(temporaryDirectory, 0o755);
  project.provide('temporaryDirectory', temporaryDirectory);
  return async () => {
    rmSync(temporaryDirectory, { recursive: true, force: true });
    await dropLeftovers('postgresql', servers.postgresql, databasePrefix);
    await dropLeftovers('mysql', servers.mysql, databasePrefix);
  };
}

async function probe(dialect: ServerDialect): Promise<Server> {
  const { title, variable, usual, start, run } = kinds[dialect];
  const url = process.env[variable] ?? usual;
  try {
    await run(url, ['SELECT 1 AS name']);
    return { url };
  } catch (error) {
    const reason = error instanceof AggregateError ? String(error.errors[0]) : String(error);
    return { missing: `no ${title} (${reason}); set ${variable}, or start one: ${start}` };
  }
}

async function dropLeftovers(dialect: ServerDialect, server: Server, prefix: string): Promise<void> {
  if ('missing' in server) return;
  const { run, listDatabases, dropDatabase } = kinds[dialect];
  const names = await run(server.url, [listDatabases]);
  const leftovers = names.filter((name) => name.startsWith(prefix));
  await run(server.url, leftovers.map(dropDatabase));
}

async function runOnPostgres(url: string, statements: readonly string[]): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    const names: string[] = [];
    for (const statement of statements) {
      const { rows } = await client.query<{ name: string }>(statement);
      names.push(...rows.map((row) => row.name));
    }
    return names;
  } finally {
    await client.end();
  }
}

async function runOnMysql(url: string, statements: readonly string[]): Promise<readonly string[]> {
  const connection = await mysql.createConnection({ uri: url, connectTimeout: 5000 });
  try {
    const names: string[] = [];
    for (const statement of statements) {
      const [rows] = await connection.query(statement);
      if (Array.isArray(rows)) names.push(...(rows as { name: string }[]).map((row) => row.name));
    }
    return names;
  } finally {
    await connection.end();
  }
}
