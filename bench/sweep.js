/**
 * Deleting what has expired with `sweep`, against one DELETE in the database's own client, each beside an application at
 * work, and what that application feels of it.
 *
 *   node bench/sweep.js [postgresql] [mariadb] [sqlite] [--rows 2000000] [--expired 0.6] [--runs 1]
 *     [--per-second 200] [--drop]
 *   npx tsx bench/sweep.js [postgresql] [mariadb] [sqlite] --crossover [--rows 500000] [--runs 3]
 *
 * `--expired` is the share of the rows that has expired; without it, 60 % and 0.5 % are measured. `--per-second` is what
 * the application does. `--crossover` measures,
 * on a table with an index on the expiry, up to which share that index finds the rows faster than a walk through the
 * table: `indexPaysBelow` of the dialects. Databases are made once and kept; `--drop` removes them and nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { beside, feltText } from './beside.js';
import { prepareCopies, sessionctl, sessionCopies } from './copies.js';
import { measure } from './servers.js';

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '2000000' },
    expired: { type: 'string' },
    runs: { type: 'string', default: '1' },
    'per-second': { type: 'string', default: '200' },
    crossover: { type: 'boolean', default: false },
    drop: { type: 'boolean', default: false },
  },
});
const ROWS = Number(options.rows);
const RUNS = Number(options.runs);
const PER_SECOND = Number(options['per-second']);
const SHARES = options.expired === undefined ? [0.6, 0.005] : [Number(options.expired)];
const CROSSOVER_SHARES = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.6];

/** The rows expire one after the other, in an order that has nothing to do with where they lie in the table. */
const BEGIN = '2025-01-01T00:00:00.000Z';
const SPAN = 1000 * 3600;
const STEP = SPAN / ROWS;

const databases = sessionCopies({
  name: `sessionctl_sweep_bench_${ROWS}`,
  rows: ROWS,
  expiresAt: {
    postgresql: `timestamptz '${BEGIN}' + (n::bigint * 7919) % ${ROWS} * interval '${STEP} seconds'`,
    mariadb: `TIMESTAMP'2025-01-01 00:00:00' + INTERVAL (n * 7919) % ${ROWS} * ${STEP} SECOND`,
    sqlite: `strftime('%Y-%m-%dT%H:%M:%fZ', '${BEGIN}', ((n * 7919) % ${ROWS} * ${STEP}) || ' seconds')`,
  },
});

/** The moment by which such a share of the rows has expired. */
const cutoff = (share) => new Date(Date.parse(BEGIN) + share * SPAN * 1000);
const expired = (database, share) => database.isExpired(cutoff(share).toISOString());

/** The sweep's own clock has moved on by a few rows when it begins. */
const sweepOf = (url, share, ...words) =>
  sessionctl(url, 'sweep', '--grace', `${Math.floor((Date.now() - cutoff(share)) / 1000)}s`, ...words);

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const percent = (share) => `${Number((share * 100).toFixed(2))} %`;

async function swept(database, share) {
  const left = await database.count(expired(database, share));
  if (left > 0) console.log(`!! left ${left} expired sessions of ${ROWS}`);
}

async function compare(name, database, share) {
  const line = (title, figures) =>
    console.log(`${`${name} ${percent(share)}`.padEnd(17)} ${title.padEnd(12)} ${figures}`);
  const deletion = database.client(`DELETE FROM session WHERE ${expired(database, share)}`);
  const ratios = [];
  for (let run = 0; run < RUNS; run += 1) {
    const single = await beside(database, () => deletion, PER_SECOND);
    await swept(database, share);
    line('idle', feltText(single.idle));
    line('one DELETE', `${seconds(single)} ${feltText(single.busy)}`);
    const ours = await beside(database, () => sweepOf(database.url, share), PER_SECOND);
    await swept(database, share);
    line('idle', feltText(ours.idle));
    line('sweep', `${seconds(ours)} ${feltText(ours.busy)}`);
    const slower = ours.busy.lookUps.p99 / ours.idle.lookUps.p99;
    ratios.push(ours.seconds / single.seconds);
    line('', `${told(ours)}, ratio ${ratios.at(-1).toFixed(2)}, look-ups p99 ${slower.toFixed(1)} × idle`);
    if (name === 'sqlite') await offline(database, share, deletion, line);
  }
  if (RUNS > 1) line('median', `ratio ${median(ratios).toFixed(2)}`);
}

/** While the application is stopped. */
async function offline(database, share, deletion, line) {
  await database.refill();
  const single = await measure(...deletion);
  line('DELETE alone', seconds(single));
  await database.refill();
  const ours = await measure(...sweepOf(database.url, share, '--offline'));
  await swept(database, share);
  line('--offline', `${seconds(ours)} ${told(ours)}, ratio ${(ours.seconds / single.seconds).toFixed(2)}`);
}

const seconds = (measured) => `${measured.seconds.toFixed(2).padStart(7)} s`;

function told({ output, megabytes, seconds: taken }) {
  const { deleted, batches, longestBatchMs, way } = JSON.parse(output);
  const rate = Math.round(deleted / taken).toLocaleString('en');
  return `${deleted} rows by ${way} in ${batches} batches, longest ${longestBatchMs} ms, ${rate} rows/s, peak ${megabytes.toFixed(0)} MB`;
}

/** By walk and by index in turn, each on a fresh copy. */
async function crossover(name, database) {
  const found = [];
  for (const share of CROSSOVER_SHARES) {
    const walks = [];
    const indexed = [];
    for (let run = 0; run < RUNS; run += 1) {
      walks.push(await endedBy('walk', database, share));
      indexed.push(await endedBy('index', database, share));
    }
    const [walk, index] = [median(walks), median(indexed)];
    found.push({ share, ratio: index / walk });
    console.log(
      `${name.padEnd(11)} ${percent(share).padStart(6)} expired  walk ${walk.toFixed(2)} s  index ${index.toFixed(2)} s  ` +
        `index/walk ${(index / walk).toFixed(2)}`,
    );
  }
  console.log(`${name.padEnd(11)} the index pays ${paysBelow(found)}`);
}

/** Where the ratio crosses 1, between the shares that were measured, on a logarithmic scale. */
function paysBelow(found) {
  const at = found.findIndex(({ ratio }) => ratio >= 1);
  if (at === -1) return 'at every share';
  if (at === 0) return 'at none';
  const [before, behind] = [found[at - 1], found[at]];
  const way = Math.log(1 / before.ratio) / Math.log(behind.ratio / before.ratio);
  return `below ${percent(before.share * (behind.share / before.share) ** way)}`;
}

/** @returns seconds */
async function endedBy(way, database, share) {
  await database.refill();
  await measure(...sessionctl(database.url, 'schema', 'migrate', '--expiry-index', '--yes'));
  const signal = new AbortController().signal;
  const { openDatabaseStore } = await import('../src/store/database/open.ts');
  const { createRedactor } = await import('../src/redaction.ts');
  const { expiredBy } = await import('../src/sessions/sweep.ts');
  const store = await openDatabaseStore(settings(database.url), {
    access: 'write',
    redactor: createRedactor(),
    signal,
  });
  const begun = performance.now();
  let sessions = 0;
  const batches = store.end(expiredBy(cutoff(share).toISOString()), {
    preserveAt: null,
    offlineTokens: false,
    atMost: null,
    remark: () => undefined,
    way,
    pace: { rows: null, stop: signal, before: () => Promise.resolve() },
  });
  for await (const batch of batches) sessions += batch.sessions;
  const taken = (performance.now() - begun) / 1000;
  await store.close();
  if (sessions !== Math.round(ROWS * share)) console.log(`!! ${sessions} sessions by ${way}`);
  return taken;
}

const settings = (url) => ({
  profile: null,
  url,
  timeZone: 'UTC',
  statementTimeout: 0,
  connectTimeout: 5000,
  tls: null,
  schema: { databaseSchema: null, table: null, userTable: null, columns: {}, userColumns: {} },
  cwd: process.cwd(),
});

const state = mkdtempSync(join(tmpdir(), 'sessionctl-bench-state-'));
// What sessionctl writes down about its runs stays out of the operator's own history.
process.env.XDG_STATE_HOME = state;
try {
  const words = options.drop ? [...names, '--drop'] : names;
  for (const [name, database] of await prepareCopies(databases, words, ROWS)) {
    if (options.crossover) await crossover(name, database);
    else for (const share of SHARES) await compare(name, database, share);
  }
} finally {
  rmSync(state, { recursive: true, force: true });
}
