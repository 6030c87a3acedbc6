import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** Rows of the session table; `ROWS=100000` for a quick look. */
export const ROWS = Number(process.env.ROWS ?? 2_000_000);
const USERS = Math.max(1, Math.round(ROWS / 20));

const NAME = `sessionctl_bench_${ROWS}`;
const directory = join(tmpdir(), 'sessionctl-bench');
const file = join(directory, `${NAME}.db`);

export const postgresHost = process.env.BENCH_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432';
export const mysqlHost = process.env.BENCH_MYSQL ?? 'mysql://root@127.0.0.1:3306';

const agents = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
];
const agentCase = (modulo) =>
  `CASE ${modulo} ${agents.map((agent, at) => `WHEN ${at} THEN '${agent}'`).join(' ')} END`;

const psql = (database) => ['psql', [`${postgresHost}/${database}`, '-qtAX', '-v', 'ON_ERROR_STOP=1']];
export const mariadbArguments = () => {
  const url = new URL(mysqlHost);
  return [
    `-h${url.hostname}`,
    `-P${url.port || '3306'}`,
    `-u${url.username}`,
    ...(url.password === '' ? [] : [`-p${url.password}`]),
  ];
};

const input = ([command, args], text) => execFileSync(command, args, { input: text, maxBuffer: 1 << 26 });

/** The databases with which a claim is measured: how to fill one, its URL, and its own command-line client. */
export const databases = {
  postgresql: {
    url: `${postgresHost}/${NAME}`,
    client: (sql) => [...psql(NAME).slice(0, 1), [...psql(NAME)[1], '-c', sql]],
    json: (order) => `COPY (SELECT row_to_json(s) FROM session s ${order}) TO STDOUT`,
    newestFirst: 'ORDER BY "updatedAt" DESC',
    ofUser: `SELECT row_to_json(s) FROM session s JOIN "user" u ON u.id = s."userId" WHERE u.email = 'user4711@example.com' ORDER BY s."updatedAt" DESC`,
    exists: () =>
      String(input(psql('postgres'), `SELECT count(*) FROM pg_database WHERE datname = '${NAME}'`)).trim() ===
      '1',
    fill: () => {
      input(psql('postgres'), `CREATE DATABASE ${NAME}`);
      input(
        psql(NAME),
        `CREATE TABLE "user" (id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE);
         CREATE TABLE session (id text PRIMARY KEY, "expiresAt" timestamptz NOT NULL, token text NOT NULL UNIQUE,
           "createdAt" timestamptz NOT NULL, "updatedAt" timestamptz NOT NULL, "ipAddress" text, "userAgent" text,
           "userId" text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE);
         INSERT INTO "user" SELECT md5('u' || n), 'User ' || n, 'user' || n || '@example.com' FROM generate_series(0, ${USERS - 1}) n;
         INSERT INTO session SELECT md5('s' || n), now() + (n % 10 - 6) * interval '1 day', md5('t' || n),
           now() - (n % 86400) * interval '7 seconds', now() - ((n::bigint * 7919) % 604800) * interval '1 second',
           '203.0.' || n % 256 || '.' || n / 256 % 256, ${agentCase('n % 4')}, md5('u' || n % ${USERS})
           FROM generate_series(1, ${ROWS}) n;
         CREATE INDEX "session_userId_idx" ON session ("userId");
         VACUUM ANALYZE;`,
      );
    },
  },
  mariadb: {
    url: `${mysqlHost}/${NAME}`,
    client: (sql) => [
      'mariadb',
      [...mariadbArguments(), '--quick', '--batch', '--raw', '-N', NAME, '-e', sql],
    ],
    json: (order) => `SELECT * FROM session ${order}`,
    newestFirst: 'ORDER BY updatedAt DESC',
    ofUser: `SELECT s.* FROM session s JOIN user u ON u.id = s.userId WHERE u.email = 'user4711@example.com' ORDER BY s.updatedAt DESC`,
    exists: () =>
      String(
        input(
          ['mariadb', [...mariadbArguments(), '-N']],
          `SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '${NAME}'`,
        ),
      ).trim() === '1',
    fill: () =>
      input(
        ['mariadb', mariadbArguments()],
        `CREATE DATABASE ${NAME}; USE ${NAME};
         CREATE TABLE user (id varchar(36) PRIMARY KEY, name varchar(255) NOT NULL, email varchar(255) NOT NULL UNIQUE);
         CREATE TABLE session (id varchar(36) PRIMARY KEY, expiresAt timestamp(3) NOT NULL, token varchar(255) NOT NULL UNIQUE,
           createdAt timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), updatedAt timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
           ipAddress text, userAgent text, userId varchar(36) NOT NULL);
         INSERT INTO user SELECT MD5(CONCAT('u', seq)), CONCAT('User ', seq), CONCAT('user', seq, '@example.com') FROM seq_0_to_${USERS - 1};
         INSERT INTO session SELECT MD5(CONCAT('s', seq)), UTC_TIMESTAMP(3) + INTERVAL (CAST(seq % 10 AS SIGNED) - 6) DAY, MD5(CONCAT('t', seq)),
           UTC_TIMESTAMP(3) - INTERVAL (seq % 86400) * 7 SECOND, UTC_TIMESTAMP(3) - INTERVAL ((seq * 7919) % 604800) SECOND,
           CONCAT('203.0.', seq % 256, '.', seq DIV 256 % 256), ${agentCase('seq % 4')}, MD5(CONCAT('u', seq % ${USERS}))
           FROM seq_1_to_${ROWS};
         CREATE INDEX session_userId_idx ON session (userId);
         ANALYZE TABLE session;`,
      ),
  },
  sqlite: {
    url: `sqlite:${file}`,
    client: (sql) => ['sqlite3', ['-json', file, sql]],
    json: (order) => `SELECT * FROM session ${order}`,
    newestFirst: 'ORDER BY "updatedAt" DESC',
    ofUser: `SELECT s.* FROM session s JOIN user u ON u.id = s.userId WHERE u.email = 'user4711@example.com' ORDER BY s.updatedAt DESC`,
    exists: () => existsSync(file),
    fill: () => {
      mkdirSync(directory, { recursive: true });
      const at = (days) => `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ${days})`;
      input(
        ['sqlite3', [file]],
        `PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         CREATE TABLE "user" ("id" text NOT NULL PRIMARY KEY, "name" text NOT NULL, "email" text NOT NULL UNIQUE);
         CREATE TABLE "session" ("id" text NOT NULL PRIMARY KEY, "expiresAt" date NOT NULL, "token" text NOT NULL UNIQUE,
           "createdAt" date NOT NULL, "updatedAt" date NOT NULL, "ipAddress" text, "userAgent" text,
           "userId" text NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE);
         WITH RECURSIVE u(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM u WHERE n < ${USERS - 1})
           INSERT INTO user SELECT printf('u%031d', n), 'User ' || n, 'user' || n || '@example.com' FROM u;
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${ROWS})
           INSERT INTO session SELECT lower(hex(randomblob(16))), ${at(`(n % 10 - 6) || ' days'`)}, lower(hex(randomblob(16))),
             ${at(`(-(n % 86400) * 7) || ' seconds'`)}, ${at(`(-((n * 7919) % 604800)) || ' seconds'`)},
             '203.0.' || n % 256 || '.' || n / 256 % 256, ${agentCase('n % 4')}, printf('u%031d', n % ${USERS}) FROM s;
         CREATE INDEX "session_userId_idx" ON "session" ("userId");
         ANALYZE; PRAGMA journal_mode = WAL;`,
      );
    },
  },
};

/** The databases named on the command line, or all; filled where they are not yet. `--drop` removes them. */
export function prepare(names) {
  const wanted = names.filter((name) => !name.startsWith('-'));
  const unknown = wanted.find((name) => !(name in databases));
  if (unknown !== undefined) throw new Error(`no database ${unknown}: ${Object.keys(databases).join(', ')}`);
  const chosen = Object.entries(databases).filter(([name]) => wanted.length === 0 || wanted.includes(name));
  if (names.includes('--drop')) {
    for (const [name] of chosen) drop(name);
    return [];
  }
  for (const [name, database] of chosen) {
    if (database.exists()) continue;
    console.log(`filling ${name} with ${ROWS.toLocaleString('en')} sessions …`);
    try {
      database.fill();
    } catch (error) {
      // A database that is half full would be measured as if it were whole.
      drop(name);
      throw error;
    }
  }
  return chosen;
}

function drop(name) {
  if (name === 'postgresql') input(psql('postgres'), `DROP DATABASE IF EXISTS ${NAME}`);
  if (name === 'mariadb') input(['mariadb', mariadbArguments()], `DROP DATABASE IF EXISTS ${NAME}`);
  if (name === 'sqlite') rmSync(file, { force: true });
}

const MOST_OUTPUT = 10_000;

/**
 * Runs a command.
 * @returns seconds, the peak resident memory in megabytes (Linux), and the beginning of what it printed
 */
export async function measure(command, args) {
  // A certificate bundle in the environment can triple the time Node takes to start, and flatter every ratio.
  const env = { ...process.env };
  delete env.NODE_EXTRA_CA_CERTS;
  const start = process.hrtime.bigint();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  child.stdout.on('data', (text) => {
    // Reading a list of millions would take time from what is measured.
    if (output.length < MOST_OUTPUT) output += text;
  });
  let complaint = '';
  child.stderr.on('data', (text) => (complaint += text));
  let megabytes = 0;
  const sample = () => {
    try {
      const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      if (peak !== null) megabytes = Math.max(megabytes, Number(peak[1]) / 1024);
    } catch {
      // It has ended, or this system has no /proc.
    }
  };
  const timer = setInterval(sample, 20);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${complaint}`);
  return { seconds: Number(process.hrtime.bigint() - start) / 1e9, megabytes, output };
}

/** The median of several runs, each pair measured next to the other so that the machine is the same for both. */
export async function compare(runs, ours, theirs) {
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const own = [];
  const other = [];
  for (let run = 0; run < runs; run += 1) {
    other.push(await measure(...theirs));
    own.push(await measure(...ours));
  }
  const seconds = median(own.map((result) => result.seconds));
  const alternative = median(other.map((result) => result.seconds));
  return {
    seconds,
    alternative,
    ratio: seconds / alternative,
    megabytes: Math.max(...own.map((result) => result.megabytes)),
  };
}
