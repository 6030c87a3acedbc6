import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { sessionctlBinary } from './binary.ts';
import { killLeftoverRedis } from './leftover-redis.ts';
import { unlinkKeys } from './redis-keys.ts';
import type { Server, ServerKind, Servers } from './servers.ts';

interface Kind {
  readonly title: string;
  readonly variable: string;
  readonly usual: string;
  readonly start: string;
  /** Rejects where the server cannot be used. */
  readonly ask: (url: string) => Promise<unknown>;
  /** Drops everything whose name begins so. */
  readonly dropLeftovers: (url: string, prefix: string) => Promise<void>;
}

/** Runs statements that give one column of text, on a connection of its own. */
type Run = (url: string, statements: readonly string[]) => Promise<readonly string[]>;

const kinds: Readonly<Record<ServerKind, Kind>> = {
  postgresql: {
    title: 'PostgreSQL',
    variable: 'TEST_POSTGRES_URL',
    usual: 'postgres://postgres@127.0.0.1:5432/postgres',
    start: 'docker run -d -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres:17',
    ask: (url) => runOnPostgres(url, ['SELECT 1 AS name']),
    dropLeftovers: dropDatabases(
      runOnPostgres,
      'SELECT datname AS name FROM pg_database',
      (name) => `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`,
    ),
  },
  mysql: {
    title: 'MySQL or MariaDB',
    variable: 'TEST_MYSQL_URL',
    usual: 'mysql://root@127.0.0.1:3306/mysql',
    start: 'docker run -d -p 3306:3306 -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 mariadb:11',
    ask: (url) => runOnMysql(url, ['SELECT 1 AS name']),
    dropLeftovers: dropDatabases(
      runOnMysql,
      'SELECT schema_name AS name FROM information_schema.schemata',
      (name) => `DROP DATABASE IF EXISTS \`${name}\``,
    ),
  },
  redis: {
    title: 'Redis',
    variable: 'TEST_REDIS_URL',
    usual: 'redis://127.0.0.1:6379',
    start: 'docker run -d -p 6379:6379 redis:7',
    ask: (url) => onRedis(url, (client) => client.ping()),
    dropLeftovers: (url, prefix) => onRedis(url, (client) => unlinkKeys(client, prefix)),
  },
};

/**
 * Looks for the servers once, tells the tests, and at the very end drops what an interrupted test left behind. Unit tests
 * have no servers and no built program.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const temporaryDirectory = mkdtempSync(join(roomiest(), 'sessionctl-test-'));
  // Some tests run the program as a user who owns nothing.
  chmodSync(temporaryDirectory, 0o755);
  project.provide('temporaryDirectory', temporaryDirectory);
  const dropServers = project.name === 'unit' ? () => Promise.resolve() : await provideServers(project);
  return async () => {
    await killLeftoverRedis(temporaryDirectory);
    rmSync(temporaryDirectory, { recursive: true, force: true });
    await dropServers();
  };
}

/** In memory where there is room: tests write many small files, and nothing is gained by waiting for a disk. */
function roomiest(): string {
  const memory = '/dev/shm';
  if (process.env['TMPDIR'] !== undefined || !existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > ROOM ? memory : tmpdir();
}
/** Bytes. */
const ROOM = 2e9;

/** @returns what drops all that tests have left on them */
async function provideServers(project: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(new URL('../dist/main.cjs', sessionctlBinary))) {
    throw new Error('The tests run the built program: `npm run build` first, or `npm test`, which builds.');
  }
  const servers: Servers = {
    postgresql: await probe('postgresql'),
    mysql: await probe('mysql'),
    redis: await probe('redis'),
  };
  const missing = Object.values(servers).flatMap((server) => ('missing' in server ? [server.missing] : []));
  if (missing.length > 0 && process.env['SESSIONCTL_REQUIRE_SERVERS'] === '1')
    throw new Error(missing.join('\n'));
  for (const reason of missing) process.stderr.write(`\nSKIPPING TESTS: ${reason}\n`);

  const databasePrefix = `sessionctl_test_${randomBytes(4).toString('hex')}_`;
  project.provide('servers', servers);
  project.provide('databasePrefix', databasePrefix);
  return async () => {
    for (const [kind, server] of Object.entries(servers) as [ServerKind, Server][])
      if ('url' in server) await kinds[kind].dropLeftovers(server.url, databasePrefix);
  };
}

async function probe(server: ServerKind): Promise<Server> {
  const { title, variable, usual, start, ask } = kinds[server];
  const url = process.env[variable] ?? usual;
  try {
    await ask(url);
    return { url };
  } catch (error) {
    const reason = error instanceof AggregateError ? String(error.errors[0]) : String(error);
    return { missing: `no ${title} (${reason}); set ${variable}, or start one: ${start}` };
  }
}

function dropDatabases(
  run: Run,
  listDatabases: string,
  dropDatabase: (name: string) => string,
): Kind['dropLeftovers'] {
  return async (url, prefix) => {
    const names = await run(url, [listDatabases]);
    await run(url, names.filter((name) => name.startsWith(prefix)).map(dropDatabase));
  };
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

async function onRedis<Result>(url: string, work: (client: Redis) => Promise<Result>): Promise<Result> {
  const client = new Redis(url, { lazyConnect: true, connectTimeout: 5000, retryStrategy: () => null });
  // What `connect` rejects with says no more than that the connection is closed.
  let reason: Error | undefined;
  client.on('error', (error: Error) => {
    reason = error;
  });
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
}
