/**
 * Ending every session with `revoke-all --everyone`, against one DELETE in the database's own client, each beside an
 * application at work, and what that application feels of it.
 *
 *   node bench/revoke.js [postgresql] [mariadb] [sqlite] [--user] [--drop]     ROWS=1000000
 *
 * `--user` measures the end of one user's sessions instead, against Node's own start. Databases are made once and kept;
 * `--drop` removes them and nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { beside, feltText } from './beside.js';
import { prepareCopies, sessionctl, sessionCopies } from './copies.js';
import { measure } from './servers.js';

const ROWS = Number(process.env.ROWS ?? 1_000_000);
const USERS = Math.max(1, Math.round(ROWS / 10));
const USER_RUNS = 15;

const databases = sessionCopies({
  name: `sessionctl_revoke_bench_${ROWS}`,
  rows: ROWS,
  expiresAt: {
    postgresql: `now() + (n % 7 - 2) * interval '1 day'`,
    mariadb: 'NOW(3) + INTERVAL (CAST(n % 7 AS SIGNED) - 2) DAY',
    sqlite: `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (n % 7 - 2) || ' days')`,
  },
});

async function ending(database, command) {
  const measured = await beside(database, () => command);
  const left = await database.count(database.isFilling);
  if (left > 0) console.log(`!! ${command[0]} left ${left} of ${ROWS} sessions`);
  return measured;
}

async function everyone(name, database) {
  const line = (title, figures) => console.log(`${name.padEnd(11)} ${title.padEnd(11)} ${figures}`);
  // Without a condition SQLite deletes no rows, it drops the table's pages: nothing that spares later sign-ins can.
  const single = await ending(database, database.client('DELETE FROM session WHERE true'));
  line('idle', `${''.padEnd(10)} ${feltText(single.idle)}`);
  line('one DELETE', `${single.seconds.toFixed(2).padStart(8)} s ${feltText(single.busy)}`);
  const ours = await ending(database, sessionctl(database.url, 'revoke-all', '--everyone', '--yes'));
  line('revoke-all', `${ours.seconds.toFixed(2).padStart(8)} s ${feltText(ours.busy)}`);
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
    ours.push((await measure(...sessionctl(database.url, 'revoke-all', '--user', user, '--yes'))).seconds);
  }
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const gone = ROWS - (await database.count('1 = 1'));
  const ratio = median(ours) / median(node);
  console.log(
    `${name.padEnd(11)} one user, to node -e 0  ${median(ours).toFixed(3)} s  plain ${median(node).toFixed(3)} s  ` +
      `ratio ${ratio.toFixed(2)}  (${gone} sessions of ${USER_RUNS} users)`,
  );
}

const state = mkdtempSync(join(tmpdir(), 'sessionctl-bench-state-'));
// What sessionctl writes down about its runs stays out of the operator's own history.
process.env.XDG_STATE_HOME = state;
try {
  for (const [name, database] of await prepareCopies(databases, process.argv.slice(2), ROWS)) {
    if (process.argv.includes('--user')) await oneUser(name, database);
    else await everyone(name, database);
  }
} finally {
  rmSync(state, { recursive: true, force: true });
}
