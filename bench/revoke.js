/**
 * Ending every session with `revoke-all --everyone`, against one DELETE in the database's own client, each beside an
 * application at work, and what that application feels of it.
 *
 *   node bench/revoke.js [postgresql] [mariadb] [sqlite] [--user] [--drop]     ROWS=1000000
 *
 * `--user` measures the end of one user's sessions instead, against Node's own start. Databases are made once and kept;
 * `--drop` removes them and nothing else.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { getMigrations } from 'better-auth/db/migration';
import BetterSqlite3 from 'better-sqlite3';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { measure } from './servers.js';
import { startLoad } from './start-load.js';

const ROWS = Number(process.env.ROWS ?? 1_000_000);
const USERS = Math.max(1, Math.round(ROWS / 10));
/** Operations a second of the application beside it, half of them sign-ins, half look-ups. */
const PER_SECOND = 200;
const IDLE_SECONDS = 8;
const USER_RUNS = 15;

const NAME = `sessionctl_revoke_bench_${ROWS}`;
/** A full copy of what is measured, which nothing touches. */
const KEPT = `${NAME}_kept`;
/** Tells the rows of the filling from those of the application beside it. */
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0';

const postgresHost = process.env.BENCH_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432';
const mysqlHost = process.env.BENCH_MYSQL ?? 'mysql://root@127.0.0.1:3306';
const directory = join(tmpdir(), 'sessionctl-bench');
const fileOf = (name) => join(directory, `${name}.db`);

const databases = {
  postgresql: {
    url: `${postgresHost}/${NAME}`,
    single: [
      'psql',
      [`${postgresHost}/${NAME}`, '-qtAX', '-v', 'ON_ERROR_STOP=1', '-c', 'DELETE FROM session'],
    ],
    exists: async () => {
      const rows = await onPostgres('postgres', `SELECT 1 FROM pg_database WHERE datname = '${KEPT}'`);
      return rows.length === 1;
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
           FROM generate_series(0, ${USERS - 1}) n;
         INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")
           SELECT md5('s' || n), now() + (n % 7 - 2) * interval '1 day', md5('t' || n),
             now() - (n % 86400) * interval '7 seconds', now() - (n % 604800) * interval '1 second',
             '203.0.' || n % 256 || '.' || n / 256 % 256, '${AGENT}', md5('u' || n % ${USERS})
           FROM generate_series(1, ${ROWS}) n;`,
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
    agentColumn: '"userAgent"',
    drop: async () => {
      for (const name of [NAME, KEPT]) {
        await onPostgres('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }
    },
  },
  mariadb: {
    url: `${mysqlHost}/${NAME}`,
    single: ['mariadb', [...mariadbArguments(), NAME, '-e', 'DELETE FROM session']],
    exists: async () => {
      const rows = await onMysql(
        `SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${KEPT}' AND TABLE_NAME = 'session'`,
      );
      return rows.length === 1;
    },
    fill: async () => {
      await onMysql(`CREATE DATABASE ${NAME} CHARACTER SET utf8mb4`);
      // A database of its own: next to the other one it would be a second table that could be the session table.
      await onMysql(`CREATE DATABASE ${KEPT} CHARACTER SET utf8mb4`);
      await migrate(mysql.createPool({ uri: `${mysqlHost}/${NAME}`, timezone: 'Z' }), (pool) => pool.end());
      await onMysql(
        `SET time_zone = '+00:00';
         INSERT INTO ${NAME}.user (id, name, email, emailVerified, createdAt, updatedAt)
           SELECT MD5(CONCAT('u', seq)), CONCAT('User ', seq), CONCAT('user', seq, '@example.com'), 1, NOW(3), NOW(3)
           FROM ${NAME}.seq_0_to_${USERS - 1};
         CREATE TABLE ${KEPT}.session LIKE ${NAME}.session;
         INSERT INTO ${KEPT}.session (id, expiresAt, token, createdAt, updatedAt, ipAddress, userAgent, userId)
           SELECT MD5(CONCAT('s', seq)), NOW(3) + INTERVAL (CAST(seq % 7 AS SIGNED) - 2) DAY, MD5(CONCAT('t', seq)),
             NOW(3) - INTERVAL (seq % 86400) * 7 SECOND, NOW(3) - INTERVAL (seq % 604800) SECOND,
             CONCAT('203.0.', seq % 256, '.', seq DIV 256 % 256), '${AGENT}', MD5(CONCAT('u', seq % ${USERS}))
           FROM ${NAME}.seq_1_to_${ROWS};`,
      );
    },
    refill: async () => {
      await onMysql(
        `SET foreign_key_checks = 0, unique_checks = 0;
         TRUNCATE TABLE ${NAME}.session;
         INSERT INTO ${NAME}.session SELECT * FROM ${KEPT}.session;
         ANALYZE TABLE ${NAME}.session;`,
      );
      await purged();
    },
    count: async (where) =>
      Number((await onMysql(`SELECT COUNT(*) AS n FROM ${NAME}.session WHERE ${where}`))[0].n),
    agentColumn: 'userAgent',
    drop: async () => {
      for (const name of [NAME, KEPT]) await onMysql(`DROP DATABASE IF EXISTS ${name}`);
    },
  },
  sqlite: {
    url: `sqlite:${fileOf(NAME)}`,
    // Without a condition SQLite deletes no rows, it drops the table's pages: nothing that spares later sign-ins can.
    single: ['sqlite3', ['-cmd', '.timeout 60000', fileOf(NAME), 'DELETE FROM session WHERE true']],
    exists: () => Promise.resolve(existsSync(fileOf(KEPT))),
    fill: async () => {
      mkdirSync(directory, { recursive: true });
      const database = new BetterSqlite3(fileOf(KEPT));
      database.pragma('synchronous = OFF');
      await migrate(database, () => undefined);
      const at = (seconds) => `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (${seconds}) || ' seconds')`;
      database.exec(
        `WITH RECURSIVE u(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM u WHERE n < ${USERS - 1})
           INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt)
           SELECT printf('u%031d', n), 'User ' || n, 'user' || n || '@example.com', 1, ${at('0')}, ${at('0')} FROM u;
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${ROWS})
           INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, ipAddress, userAgent, userId)
           SELECT lower(hex(randomblob(16))), ${at('(n % 7 - 2) * 86400')}, lower(hex(randomblob(16))),
             ${at('-(n % 86400) * 7')}, ${at('-(n % 604800)')},
             '203.0.' || n % 256 || '.' || n / 256 % 256, '${AGENT}', printf('u%031d', n % ${USERS}) FROM s;
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
    agentColumn: 'userAgent',
    drop: () => {
      for (const name of [NAME, KEPT]) {
        for (const suffix of ['', '-wal', '-shm']) rmSync(fileOf(name) + suffix, { force: true });
      }
      return Promise.resolve();
    },
  },
};

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

function mariadbArguments() {
  const { hostname, port, username, password } = new URL(mysqlHost);
  return [
    `-h${hostname}`,
    `-P${port || '3306'}`,
    `-u${username}`,
    ...(password === '' ? [] : [`-p${password}`]),
  ];
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

const binary = new URL('../bin/sessionctl.js', import.meta.url).pathname;
const sessionctl = (url, ...words) => [
  process.execPath,
  [binary, '--url', url, '--time-zone', 'UTC', ...words, '--yes', '--json'],
];

/** Runs a command beside the application, on a fresh copy. */
async function beside(database, command) {
  await database.refill();
  const load = await startLoad({
    url: database.url,
    secret: 'a secret of forty characters for a bench',
    baseURL: 'http://localhost:3000',
    perSecond: PER_SECOND,
    signIns: 0.5,
    refreshes: 0,
  });
  // At first Node compiles, and the server writes down the fresh copy.
  await sleep(3000);
  const idleFrom = Date.now();
  await sleep(IDLE_SECONDS * 1000);
  const from = Date.now();
  const measured = await measure(...command);
  const to = Date.now();
  // What was due during the run may be answered after it.
  await sleep(500);
  const done = await load.stop();
  const left = await database.count(`${database.agentColumn} = '${AGENT}'`);
  if (left > 0) console.log(`!! ${command[0]} left ${left} of ${ROWS} sessions`);
  return { ...measured, idle: felt(done, idleFrom, from), busy: felt(done, from, to) };
}

/** What the application felt of the operations that were due between two moments. */
function felt(done, from, to) {
  const within = (operations) =>
    operations
      .filter(({ at }) => at >= from && at < to)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
  const text = (name, operations) => {
    const times = within(operations);
    const p99 = times[Math.floor(times.length * 0.99)] ?? 0;
    return `${name} p99 ${p99.toFixed(0)} max ${(times.at(-1) ?? 0).toFixed(0)} ms (${times.length})`;
  };
  const failed = done.errors.filter(({ at }) => at >= from && at < to);
  const complaint = failed.length === 0 ? '' : `  ${failed.length} FAILED, such as: ${failed[0].message}`;
  return `${text('look-ups', done.lookUps)}  ${text('sign-ins', done.signIns)}${complaint}`;
}

async function everyone(name, database) {
  const line = (title, figures) => console.log(`${name.padEnd(11)} ${title.padEnd(11)} ${figures}`);
  const single = await beside(database, database.single);
  line('idle', `${''.padEnd(10)} ${single.idle}`);
  line('one DELETE', `${single.seconds.toFixed(2).padStart(8)} s ${single.busy}`);
  const ours = await beside(database, sessionctl(database.url, 'revoke-all', '--everyone'));
  line('revoke-all', `${ours.seconds.toFixed(2).padStart(8)} s ${ours.busy}`);
  const rate = Math.round(ROWS / ours.seconds).toLocaleString('en');
  const ratio = (ours.seconds / single.seconds).toFixed(2);
  line('', `ratio ${ratio}  peak ${ours.megabytes.toFixed(0)} MB  ${rate} rows/s`);
}

async function oneUser(name, database) {
  await database.refill();
  const node = [];
  const ours = [];
  for (let run = 0; run < USER_RUNS; run += 1) {
    // Another user each time: whose sessions are gone has none to end.
    const user = `user${Math.floor((USERS / USER_RUNS) * run)}@example.com`;
    node.push((await measure(process.execPath, ['-e', '0'])).seconds);
    ours.push((await measure(...sessionctl(database.url, 'revoke-all', '--user', user))).seconds);
  }
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const gone = ROWS - (await database.count('1 = 1'));
  const ratio = median(ours) / median(node);
  console.log(
    `${name.padEnd(11)} one user, to node -e 0  ${median(ours).toFixed(3)} s  plain ${median(node).toFixed(3)} s  ` +
      `ratio ${ratio.toFixed(2)}  (${gone} sessions of ${USER_RUNS} users)`,
  );
}

const names = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = names.find((name) => !(name in databases));
if (unknown !== undefined) throw new Error(`no database ${unknown}: ${Object.keys(databases).join(', ')}`);
const chosen = Object.entries(databases).filter(([name]) => names.length === 0 || names.includes(name));

const state = mkdtempSync(join(tmpdir(), 'sessionctl-bench-state-'));
// What sessionctl writes down about its runs stays out of the operator's own history.
process.env.XDG_STATE_HOME = state;
try {
  for (const [name, database] of chosen) {
    if (process.argv.includes('--drop')) {
      await database.drop();
      continue;
    }
    if (!(await database.exists())) {
      console.log(`filling ${name} with ${ROWS.toLocaleString('en')} sessions …`);
      await database.drop();
      try {
        await database.fill();
      } catch (error) {
        // A database that is half full would be measured as if it were whole.
        await database.drop();
        throw error;
      }
    }
    if (process.argv.includes('--user')) await oneUser(name, database);
    else await everyone(name, database);
  }
} finally {
  rmSync(state, { recursive: true, force: true });
}
