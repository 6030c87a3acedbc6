/**
 * Finding and ending what `limit --max 5` is about, among a million active sessions of which half are too many, against
 * plain counts in the database's own client: of the active sessions, and of these and their users, as the plan says them.
 *
 *   node bench/limit.js [postgresql] [mariadb] [sqlite] [--drop]     ROWS=1000000
 *
 * Databases are made once and kept; `--drop` removes them and nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { prepareCopies, sessionctl, sessionCopies } from './copies.js';
import { compare, measure } from './servers.js';

const ROWS = Number(process.env.ROWS ?? 1_000_000);
const MAX = 5;

const databases = sessionCopies({
  name: `sessionctl_limit_bench_${ROWS}`,
  rows: ROWS,
  expiresAt: {
    postgresql: `now() + (n % 7 + 1) * interval '1 day'`,
    mariadb: 'NOW(3) + INTERVAL (n % 7 + 1) DAY',
    sqlite: `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (n % 7 + 1) || ' days')`,
  },
});

const columns = {
  postgresql: { userId: '"userId"', createdAt: '"createdAt"', active: '"expiresAt" >= now()' },
  mariadb: { userId: 'userId', createdAt: 'createdAt', active: 'expiresAt >= UTC_TIMESTAMP(3)' },
  sqlite: {
    userId: 'userId',
    createdAt: 'createdAt',
    active: `expiresAt >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`,
  },
};

async function judge(name, database) {
  const { userId, createdAt, active } = columns[name];
  await database.refill();
  const line = (title, { seconds, alternative, ratio, megabytes }) =>
    console.log(
      `${name.padEnd(11)} ${title.padEnd(38)} ${seconds.toFixed(2)} s  plain ${alternative.toFixed(2)} s  ` +
        `ratio ${ratio.toFixed(2)}  peak ${megabytes.toFixed(0)} MB`,
    );
  const dryRun = sessionctl(database.url, 'limit', '--max', String(MAX), '--dry-run');
  const counts = [
    ['dry run, to a count of sessions', `SELECT count(*) FROM session WHERE ${active}`],
    [
      'dry run, to a count of them and users',
      `SELECT count(*), count(DISTINCT ${userId}) FROM session WHERE ${active}`,
    ],
    [
      'dry run, to the window by hand',
      `SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY ${userId} ORDER BY ${createdAt} DESC, id DESC) AS place FROM session WHERE ${active}) r WHERE place > ${MAX}`,
    ],
  ];
  for (const [title, sql] of counts) line(title, await compare(3, dryRun, database.client(sql)));

  await measure(
    ...database.client(
      `CREATE TABLE meant AS SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY ${userId} ORDER BY ${createdAt} DESC, id DESC) AS place FROM session WHERE ${active}) r WHERE place <= ${MAX}`,
    ),
  );
  const ours = await measure(...sessionctl(database.url, 'limit', '--max', String(MAX), '--yes'));
  const { revoked } = JSON.parse(ours.output.slice(ours.output.indexOf('{')));
  const rate = Math.round(revoked / ours.seconds).toLocaleString('en');
  console.log(
    `${name.padEnd(11)} ends ${revoked} in ${ours.seconds.toFixed(1)} s (${rate} a second), peak ${ours.megabytes.toFixed(0)} MB`,
  );
  const compared = await measure(
    ...database.client(
      `SELECT (SELECT count(*) FROM session s WHERE NOT EXISTS (SELECT 1 FROM meant m WHERE m.id = s.id))
            + (SELECT count(*) FROM meant m WHERE NOT EXISTS (SELECT 1 FROM session s WHERE s.id = m.id)) AS wrong`,
    ),
  );
  const wrong = Number(compared.output.replace(/\D+/g, ''));
  console.log(
    `${name.padEnd(11)} ${wrong === 0 ? 'exactly the newest are left' : `!! ${wrong} sessions are there or gone and should not be`}`,
  );
}

const state = mkdtempSync(join(tmpdir(), 'sessionctl-bench-state-'));
// What sessionctl writes down about its runs stays out of the operator's own history.
process.env.XDG_STATE_HOME = state;
try {
  for (const [name, database] of await prepareCopies(databases, process.argv.slice(2), ROWS))
    await judge(name, database);
} finally {
  rmSync(state, { recursive: true, force: true });
}
