/**
 * What it takes to start: whole processes, against `node -e 0` in the same run, one after the other in turns.
 *
 *   node bench/startup.js [postgresql] [mariadb] [sqlite] [--drop]     ROWS=20000 RUNS=21
 *
 * The ratio is that of the medians.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';

// Starting is what is measured, not a large table.
process.env.ROWS ??= '20000';
// It makes Node itself start slower, and with that every ratio look better.
delete process.env.NODE_EXTRA_CA_CERTS;
const { prepare } = await import('./servers.js');

const RUNS = Number(process.env.RUNS ?? 21);
const binary = new URL('../bin/sessionctl.js', import.meta.url).pathname;

const chosen = prepare(process.argv.slice(2));
if (process.argv.includes('--drop')) process.exit();

const cases = [
  { title: 'node -e 0', words: ['-e', '0'], times: [] },
  { title: '--version', words: [binary, '--version'], times: [] },
  { title: '--help', words: [binary, '--help'], times: [] },
  ...chosen.map(([name, { url }]) => ({
    title: `list --user, ${name}`,
    words: [binary, '--url', url, '--time-zone', 'UTC', 'list', '--user', 'user7@example.com'],
    times: [],
  })),
];
for (let run = 0; run <= RUNS; run += 1) {
  for (const { title, words, times } of cases) {
    const start = process.hrtime.bigint();
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
    if (status !== 0) throw new Error(`${title} ended with ${String(status)}: ${stderr}`);
    // The first one fills the caches.
    if (run > 0) times.push(milliseconds);
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const floor = median(cases[0].times);
for (const { title, times } of cases) {
  const middle = median(times);
  console.log(
    `${title.padEnd(26)} ${middle.toFixed(0).padStart(5)} ms  ratio ${(middle / floor).toFixed(2)}`,
  );
}
