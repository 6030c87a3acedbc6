/**
 * Ending every session in Redis with `revoke-all --everyone`, against `redis-cli --scan | xargs unlink`, each beside an
 * application that reads sessions, and how long that waits.
 *
 *   node bench/redis.js     ROWS=1000000 FOREIGN=100000 SETTLE=2s
 *
 * A redis-server of its own is started and ended. Every tenth of the keys is another application's and has to stay.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { Redis } from 'ioredis';
import { measure } from './servers.js';

const ROWS = Number(process.env.ROWS ?? 1_000_000);
const FOREIGN = Number(process.env.FOREIGN ?? 100_000);
const USERS = Math.max(1, Math.round(ROWS / 10));
/** How long sessions have to stay gone: part of what is measured, as it is part of every revocation. */
const SETTLE = process.env.SETTLE ?? '2s';
/** Reads a second. */
const RATE = 200;
const PREFIX = 'better-auth:';

const directory = mkdtempSync(join(tmpdir(), 'sessionctl-bench-redis-'));
// What sessionctl writes down about its runs stays out of the operator's own history.
process.env.XDG_STATE_HOME = directory;

const port = await freePort();
const server = spawn('redis-server', [
  '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory,
], { stdio: 'ignore' }); // prettier-ignore
const client = new Redis(port, { retryStrategy: () => 100 });
// Until the server listens, and when it has ended.
client.on('error', () => undefined);

try {
  await client.ping();
  const config = configure();
  const line = (title, figures) => console.log(`redis       ${title.padEnd(22)} ${figures}`);

  await fill();
  line('idle', felt(await reading(() => sleep(5000))));
  const plain = await timed([
    'sh',
    [
      '-c',
      `redis-cli -p ${port} --scan --pattern '${PREFIX}*' | xargs -n 1000 redis-cli -p ${port} unlink >/dev/null`,
    ],
  ]);
  line('redis-cli | xargs', `${plain.seconds.toFixed(2).padStart(8)} s ${felt(plain.waits)}`);

  await fill();
  const binary = fileURLToPath(new URL('../bin/sessionctl.js', import.meta.url));
  const ours = await timed([
    process.execPath,
    [binary, '--config', config, 'revoke-all', '--everyone', '--yes'],
  ]);
  line('revoke-all', `${ours.seconds.toFixed(2).padStart(8)} s ${felt(ours.waits)}`);
  line('', `ratio ${(ours.seconds / plain.seconds).toFixed(2)}  peak ${ours.megabytes.toFixed(0)} MB`);
  const left = await client.dbsize();
  // Each user is marked as signed out.
  const wanted = FOREIGN + USERS;
  if (left !== wanted) console.log(`!! ${left} keys are left, and ${wanted} should be`);
} finally {
  client.disconnect();
  server.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}

async function timed([file, args]) {
  let measured;
  const waits = await reading(async () => {
    measured = await measure(file, args);
  });
  return { ...measured, waits };
}

/** Reads one key after another beside the work. @returns milliseconds that each read took */
async function reading(work) {
  const own = new Redis(port);
  const waits = [];
  const pending = [];
  const timer = setInterval(() => {
    const begun = globalThis.performance.now();
    const token = tokenOf(Math.floor(Math.random() * ROWS));
    pending.push(own.get(`${PREFIX}${token}`).then(() => waits.push(globalThis.performance.now() - begun)));
  }, 1000 / RATE);
  try {
    await work();
  } finally {
    clearInterval(timer);
    await Promise.all(pending);
    own.disconnect();
  }
  return waits.sort((a, b) => a - b);
}

function felt(waits) {
  const at = (share) => (waits[Math.min(waits.length - 1, Math.floor(share * waits.length))] ?? 0).toFixed(1);
  return `GET p50 ${at(0.5)}  p99 ${at(0.99)}  longest ${at(1)} ms`;
}

function tokenOf(n) {
  return `T0k3nOfNobody1234567890a${n.toString(36).padStart(8, '0')}`;
}

/** Sessions as Better Auth writes them, each user's list of them, and keys of somebody else. */
async function fill() {
  await client.flushall();
  const now = Date.now();
  const lives = 7 * 86_400;
  const iso = new Date(now).toISOString();
  const until = new Date(now + lives * 1000);
  for (let from = 0; from < ROWS; from += 2000) {
    const batch = client.pipeline();
    for (let n = from; n < Math.min(ROWS, from + 2000); n += 1) {
      const userId = `user${n % USERS}`;
      const user = {
        name: `User ${n % USERS}`, email: `${userId}@example.com`, emailVerified: true, image: null,
        createdAt: iso, updatedAt: iso, id: userId,
      }; // prettier-ignore
      const session = {
        ipAddress: `203.0.113.${n % 256}`,
        userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36',
        expiresAt: until.toISOString(), userId, token: tokenOf(n), createdAt: iso, updatedAt: iso, id: `session${n}`,
      }; // prettier-ignore
      batch.setex(`${PREFIX}${tokenOf(n)}`, lives, JSON.stringify({ session, user }));
    }
    await batch.exec();
  }
  for (let from = 0; from < USERS; from += 2000) {
    const batch = client.pipeline();
    for (let u = from; u < Math.min(USERS, from + 2000); u += 1) {
      const list = [];
      for (let n = u; n < ROWS; n += USERS) list.push({ token: tokenOf(n), expiresAt: until.getTime() });
      batch.setex(`${PREFIX}active-sessions-user${u}`, lives, JSON.stringify(list));
    }
    await batch.exec();
  }
  for (let from = 0; from < FOREIGN; from += 2000) {
    const batch = client.pipeline();
    for (let n = from; n < Math.min(FOREIGN, from + 2000); n += 1) batch.set(`other:${n}`, 'x'.repeat(200));
    await batch.exec();
  }
}

/** A database with nothing but the users, as where Redis alone holds sessions. */
function configure() {
  const file = join(directory, 'auth.db');
  const database = new BetterSqlite3(file);
  database.exec('CREATE TABLE user (id text primary key, name text, email text unique)');
  // Sessions of users whom nobody knows would be taken for those of another application.
  const add = database.prepare('INSERT INTO user VALUES (?, ?, ?)');
  database.transaction(() => {
    for (let u = 0; u < USERS; u += 1) add.run(`user${u}`, `User ${u}`, `user${u}@example.com`);
  })();
  database.close();
  const path = join(directory, 'sessionctl.toml');
  writeFileSync(
    path,
    `[profiles.bench]\nurl = "sqlite:${file}"\n[profiles.bench.redis]\nurl = "redis://127.0.0.1:${port}"\nsettle = "${SETTLE}"\n`,
    { mode: 0o600 },
  );
  return path;
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
}
