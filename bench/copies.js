/**
 * Databases with Better Auth's own tables and many sessions: filled once into a copy that is kept, and measured on fresh
 * copies of that.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { getMigrations } from 'better-auth/db/migration';
import BetterSqlite3 from 'better-sqlite3';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { mariadbArguments, mysqlHost, postgresHost } from './servers.js';

/** Tells the rows of the filling from those of the application beside it. */
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0';

const directory = join(tmpdir(), 'sessionctl-bench');
const fileOf = (name) => join(directory, `${name}.db`);

/**
 * @param set.name of the copies that are measured
 * @param set.rows sessions, of a tenth as many users
 * @param set.expiresAt for each database: when session number `n` expires, in SQL
 */
export function sessionCopies({ name: NAME, rows, expiresAt }) {
  const users = Math.max(1, Math.round(rows / 10));
  /** A full copy of what is measured, which nothing touches. */
  const KEPT = `${NAME}_kept`;
  return {
    postgresql: {
      url: `${postgresHost}/${NAME}`,
      /** SQL in the database's own command-line client. */
      client: (sql) => ['psql', [`${postgresHost}/${NAME}`, '-qtAX', '-v', 'ON_ERROR_STOP=1', '-c', sql]],
      isExpired: (moment) => `"expiresAt" < '${moment}'`,
      exists: async () => {
        const found = await onPostgres('postgres', `SELECT 1 FROM pg_database WHERE datname = '${KEPT}'`);
        return found.length === 1;
      },
      fill: async () => {
        await onPostgres('postgres', `CREATE DATABASE ${KEPT}`);
        await migrate(new pg.Pool({ connectionString: `${postgresHost}/${KEPT}`, max: 1 }), (pool) =>
          pool.end(),
        );
        await onPostgres(
          KEPT,
          `INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
             SELECT md5('u' || n), 'User ' || n, 'user' || n || '@example.com', true, now(), now()
             FROM generate_series(0, ${users - 1}) n;
           INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")
             SELECT md5('s' || n), ${expiresAt.postgresql}, md5('t' || n),
               now() - (n % 86400) * interval '7 seconds', now() - (n % 604800) * interval '1 second',
               '203.0.' || n % 256 || '.' || n / 256 % 256, '${AGENT}', md5('u' || n % ${users})
             FROM generate_series(1, ${rows}) n;`,
        );
        await onPostgres(KEPT, 'VACUUM ANALYZE');
      },
      refill: async () => {
        await onPostgres('postgres', `DROP DATABASE IF EXISTS ${NAME} WITH (FORCE)`);
        await onPostgres('postgres', `CREATE DATABASE ${NAME} TEMPLATE ${KEPT}`);
        await onPostgres('postgres', 'CHECKPOINT');
      },
      count: async (where) =>
        Number((await onPostgres(NAME, `SELECT count(*) FROM session WHERE ${where}`))[0].count),
      isFilling: `"userAgent" = '${AGENT}'`,
      drop: async () => {
        for (const name of [NAME, KEPT]) {
          await onPostgres('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        }
      },
    },
    mariadb: {
      url: `${mysqlHost}/${NAME}`,
      client: (sql) => ['mariadb', [...mariadbArguments(), NAME, '-e', `SET time_zone = '+00:00'; ${sql}`]],
      isExpired: (moment) => `expiresAt < TIMESTAMP'${moment.replace('T', ' ').replace('Z', '')}'`,
      exists: async () => {
        const found = await onMysql(
          `SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${KEPT}' AND TABLE_NAME = 'session'`,
        );
        return found.length === 1;
      },
      fill: async () => {
        // A database of its own: next to the other one it would be a second table that could be the session table.
        await onMysql(`CREATE DATABASE ${KEPT} CHARACTER SET utf8mb4`);
        await migrate(mysql.createPool({ uri: `${mysqlHost}/${KEPT}`, timezone: 'Z' }), (pool) => pool.end());
        await onMysql(
          `USE ${KEPT};
           SET time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0;
           INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt)
             SELECT MD5(CONCAT('u', seq)), CONCAT('User ', seq), CONCAT('user', seq, '@example.com'), 1, NOW(3), NOW(3)
             FROM seq_0_to_${users - 1};
           INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, ipAddress, userAgent, userId)
             SELECT MD5(CONCAT('s', n)), ${expiresAt.mariadb}, MD5(CONCAT('t', n)),
               NOW(3) - INTERVAL (n % 86400) * 7 SECOND, NOW(3) - INTERVAL (n % 604800) SECOND,
               CONCAT('203.0.', n % 256, '.', n DIV 256 % 256), '${AGENT}', MD5(CONCAT('u', n % ${users}))
             FROM (SELECT seq AS n FROM seq_1_to_${rows}) numbers;`,
        );
      },
      refill: async () => {
        await onMysql(`DROP DATABASE IF EXISTS ${NAME}; CREATE DATABASE ${NAME} CHARACTER SET utf8mb4`);
        await migrate(mysql.createPool({ uri: `${mysqlHost}/${NAME}`, timezone: 'Z' }), (pool) => pool.end());
        await onMysql(
          `SET foreign_key_checks = 0, unique_checks = 0;
           INSERT INTO ${NAME}.user SELECT * FROM ${KEPT}.user;
           INSERT INTO ${NAME}.session SELECT * FROM ${KEPT}.session;
           ANALYZE TABLE ${NAME}.session;`,
        );
        await purged();
      },
      count: async (where) =>
        Number(
          (
            await onMysql(
              `SET time_zone = '+00:00'; SELECT COUNT(*) AS n FROM ${NAME}.session WHERE ${where}`,
            )
          )[1][0].n,
        ),
      isFilling: `userAgent = '${AGENT}'`,
      drop: async () => {
        for (const name of [NAME, KEPT]) await onMysql(`DROP DATABASE IF EXISTS ${name}`);
      },
    },
    sqlite: {
      url: `sqlite:${fileOf(NAME)}`,
      client: (sql) => ['sqlite3', ['-cmd', '.timeout 60000', fileOf(NAME), sql]],
      isExpired: (moment) => `"expiresAt" < '${moment}'`,
      exists: () => Promise.resolve(existsSync(fileOf(KEPT))),
      fill: async () => {
        mkdirSync(directory, { recursive: true });
        const database = new BetterSqlite3(fileOf(KEPT));
        database.pragma('synchronous = OFF');
        await migrate(database, () => undefined);
        const at = (seconds) => `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (${seconds}) || ' seconds')`;
        database.exec(
          `WITH RECURSIVE u(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM u WHERE n < ${users - 1})
             INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt)
             SELECT printf('u%031d', n), 'User ' || n, 'user' || n || '@example.com', 1, ${at('0')}, ${at('0')} FROM u;
           WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${rows})
             INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, ipAddress, userAgent, userId)
             SELECT lower(hex(randomblob(16))), ${expiresAt.sqlite}, lower(hex(randomblob(16))),
               ${at('-(n % 86400) * 7')}, ${at('-(n % 604800)')},
               '203.0.' || n % 256 || '.' || n / 256 % 256, '${AGENT}', printf('u%031d', n % ${users}) FROM s;
           ANALYZE;`,
        );
        database.pragma('journal_mode = WAL');
        // The last connection moves the log into the file, so that the file alone is the database.
        database.close();
      },
      refill: () => {
        for (const suffix of ['', '-wal', '-shm']) rmSync(fileOf(NAME) + suffix, { force: true });
        copyFileSync(fileOf(KEPT), fileOf(NAME));
        spawnSync('sync', [fileOf(NAME)]);
        return Promise.resolve();
      },
      count: (where) => {
        const database = new BetterSqlite3(fileOf(NAME), { readonly: true });
        const { n } = database.prepare(`SELECT count(*) AS n FROM session WHERE ${where}`).get();
        database.close();
        return Promise.resolve(n);
      },
      isFilling: `userAgent = '${AGENT}'`,
      drop: () => {
        for (const name of [NAME, KEPT]) {
          for (const suffix of ['', '-wal', '-shm']) rmSync(fileOf(name) + suffix, { force: true });
        }
        return Promise.resolve();
      },
    },
  };
}

/** The databases named on the command line, or all; filled where they are not yet. `--drop` removes them. */
export async function prepareCopies(databases, words, rows) {
  const names = words.filter((word) => !word.startsWith('-'));
  const unknown = names.find((name) => !(name in databases));
  if (unknown !== undefined) throw new Error(`no database ${unknown}: ${Object.keys(databases).join(', ')}`);
  const chosen = Object.entries(databases).filter(([name]) => names.length === 0 || names.includes(name));
  if (words.includes('--drop')) {
    for (const [, database] of chosen) await database.drop();
    return [];
  }
  for (const [name, database] of chosen) {
    if (await database.exists()) continue;
    console.log(`filling ${name} with ${rows.toLocaleString('en')} sessions …`);
    await database.drop();
    try {
      await database.fill();
    } catch (error) {
      // A database that is half full would be measured as if it were whole.
      await database.drop();
      throw error;
    }
  }
  return chosen;
}

const binary = new URL('../bin/sessionctl.js', import.meta.url).pathname;

/** A command of sessionctl that changes a database, with its report as JSON. */
export const sessionctl = (url, ...words) => [
  process.execPath,
  [binary, '--url', url, '--time-zone', 'UTC', ...words, '--json'],
];

async function onPostgres(database, sql) {
  const client = new pg.Client({ connectionString: `${postgresHost}/${database}` });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function onMysql(sql) {
  const connection = await mysql.createConnection({ uri: mysqlHost, multipleStatements: true });
  try {
    return (await connection.query(sql))[0];
  } finally {
    await connection.end();
  }
}

/** Waits until InnoDB has cleared away what an earlier run deleted, which it does in the background. */
async function purged() {
  for (let waited = 0; waited < 300; waited += 1) {
    const [{ Value: length }] = await onMysql(`SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'`);
    if (Number(length) < 1000) return;
    await sleep(1000);
  }
}

/** The tables as Better Auth makes them. */
async function migrate(database, close) {
  const { runMigrations } = await getMigrations({ database, logger: { disabled: true } });
  await runMigrations();
  await close(database);
}
