/**
 * An application at work: Better Auth on its own adapter, signing people in, refreshing and looking up their sessions at
 * a steady rate that no slow answer holds back (an open loop), so that a stall shows in every latency it causes.
 *
 * Started and controlled by `start-load.js`, in a process of its own. The first line of stdin is its settings, as JSON;
 * it answers `{"started":true}` on stdout, works until another line or the end of stdin, answers
 * `{"finished":{…}}` and ends.
 */
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { betterAuth } from 'better-auth';

const PEOPLE = 20;
const password = 'correct horse battery staple';
const client = { 'x-forwarded-for': '192.0.2.77', 'user-agent': 'Load' };

const lines = createInterface({ input: process.stdin });
const [first] = await once(lines, 'line');
const toldToStop = Promise.race([once(lines, 'line'), once(lines, 'close')]);
const { url, secret, baseURL, perSecond, signIns: signInShare, refreshes: refreshShare } = JSON.parse(first);

const connection = await connect(url);
const createdAt = new Map();
const { api } = betterAuth({
  baseURL,
  secret,
  database: connection.database,
  logger: { disabled: true },
  telemetry: { enabled: false },
  rateLimit: { enabled: false },
  emailAndPassword: {
    enabled: true,
    autoSignIn: false,
    // What a password costs is not what is measured.
    password: {
      hash: (plain) => Promise.resolve(`cheap:${plain}`),
      verify: ({ hash, password: plain }) => Promise.resolve(hash === `cheap:${plain}`),
    },
  },
  // Every getSession that may refresh does.
  session: { updateAge: 0 },
  databaseHooks: {
    session: {
      create: { after: (session) => Promise.resolve(void createdAt.set(session.token, session.createdAt)) },
    },
  },
});

const run = `${process.pid}-${Date.now()}`;
const people = Array.from({ length: PEOPLE }, (_, n) => `load-${run}-${n}@example.com`);
/** Sessions that are alive as far as the load knows. Whose is not signs in again, as people do. */
const alive = [];
const results = { signIns: [], refreshes: [], lookUps: [], errors: [] };
let turn = 0;

const operations = {
  signIns: async () => {
    turn += 1;
    const { headers, response } = await api.signInEmail({
      body: { email: people[turn % PEOPLE], password },
      headers: client,
      returnHeaders: true,
    });
    const { token } = response;
    const cookie = headers
      .getSetCookie()
      .map((text) => text.split(';')[0])
      .join('; ');
    const session = { token, cookie, createdAt: createdAt.get(token) };
    createdAt.delete(token);
    alive.push(session);
    return session;
  },
  refreshes: () => ask({}),
  lookUps: () => ask({ disableRefresh: true }),
};

async function ask(query) {
  turn += 1;
  const session = alive[turn % alive.length];
  const answer = await api.getSession({ headers: { cookie: session.cookie }, query }).catch((error) => {
    // How Better Auth answers where a session ends between its being read and its being refreshed.
    if (error.statusCode === 401) return null;
    throw error;
  });
  const at = alive.indexOf(session);
  if (answer === null && at !== -1) alive.splice(at, 1);
  return { alive: answer !== null };
}

/** Does one operation that was due at a moment of `performance.now()`, and notes how long after that it was done. */
async function perform(kind, due) {
  const timing = () => ({ at: performance.timeOrigin + due, ms: performance.now() - due });
  try {
    const outcome = await operations[kind]();
    results[kind].push({ ...timing(), ...outcome });
  } catch (error) {
    results.errors.push({ ...timing(), operation: kind, message: reason(error) });
  }
}

function reason(error) {
  const cause = error.cause === undefined ? '' : ` (${reason(error.cause)})`;
  return `${error.code ?? ''} ${error.message}`.trim() + cause;
}

function chooseKind() {
  const lot = Math.random();
  if (lot < signInShare || alive.length === 0) return 'signIns';
  return lot < signInShare + refreshShare ? 'refreshes' : 'lookUps';
}

for (const email of people) await api.signUpEmail({ body: { name: 'Load', email, password } });
for (let n = 0; n < PEOPLE; n += 1) {
  await operations.signIns();
  await operations.refreshes();
  await operations.lookUps();
}

const start = performance.now();
const underWay = new Set();
let launched = 0;
const launchDue = () => {
  for (;;) {
    const due = start + (launched * 1000) / perSecond;
    if (due > performance.now()) return;
    launched += 1;
    const work = perform(chooseKind(), due);
    underWay.add(work);
    void work.then(() => underWay.delete(work));
  }
};
const timer = setInterval(launchDue, 1);
say({ started: true });

await toldToStop;
launchDue();
clearInterval(timer);
await Promise.all(underWay);
await connection.close();
const sorted = [results.signIns, results.refreshes, results.lookUps, results.errors]
  .flat()
  .map(({ ms }) => ms)
  .sort((a, b) => a - b);
const quantile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
say({ finished: { ...results, p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) } });
lines.close();

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Better Auth's own way to a database of this URL. */
async function connect(databaseUrl) {
  if (databaseUrl.startsWith('sqlite:')) {
    const { default: BetterSqlite3 } = await import('better-sqlite3');
    const database = new BetterSqlite3(databaseUrl.slice('sqlite:'.length), { fileMustExist: true });
    return { database, close: () => Promise.resolve(database.close()) };
  }
  if (databaseUrl.startsWith('postgres')) {
    const { default: pg } = await import('pg');
    const database = new pg.Pool({ connectionString: databaseUrl, max: 20 });
    // A connection that breaks while nobody uses it is not an operation that failed.
    database.on('error', () => undefined);
    return { database, close: () => database.end() };
  }
  const { createPool } = await import('mysql2/promise');
  const database = createPool({ uri: databaseUrl, connectionLimit: 20, timezone: 'Z' });
  return { database, close: () => database.end() };
}
