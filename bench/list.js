/**
 * Streaming every session out, and answering for one user, against the database's own client in the same run.
 *
 *   node bench/list.js [postgresql] [mariadb] [sqlite] [--sorted] [--drop]     ROWS=2000000
 *
 * `--sorted` streams newest first as well, which takes minutes where the server's buffers are small: both sides wait
 * for its sort.
 */
import process from 'node:process';
import { compare, prepare, ROWS } from './servers.js';

const binary = new URL('../bin/sessionctl.js', import.meta.url).pathname;
const sessionctl = (url, ...words) => [
  process.execPath,
  [binary, '--url', url, '--time-zone', 'UTC', 'list', ...words],
];

for (const [name, database] of prepare(process.argv.slice(2))) {
  const cases = [
    [
      'all, as stored',
      3,
      ['-o', 'jsonl', '--state', 'all', '--sort', 'none'],
      database.client(database.json('')),
    ],
    ...(process.argv.includes('--sorted')
      ? [
          [
            'all, newest first',
            1,
            ['-o', 'jsonl', '--state', 'all'],
            database.client(database.json(database.newestFirst)),
          ],
        ]
      : []),
    [
      'one user',
      15,
      ['-o', 'jsonl', '--state', 'all', '--user', 'user4711@example.com'],
      database.client(database.ofUser),
    ],
    [
      'one user, to node -e 0',
      15,
      ['-o', 'jsonl', '--user', 'user4711@example.com'],
      [process.execPath, ['-e', '0']],
    ],
  ];
  for (const [title, runs, words, alternative] of cases) {
    const {
      seconds,
      alternative: plain,
      ratio,
      megabytes,
    } = await compare(runs, sessionctl(database.url, ...words), alternative);
    const rate = title.startsWith('all') ? `  ${Math.round(ROWS / seconds).toLocaleString('en')} rows/s` : '';
    console.log(
      `${name.padEnd(11)} ${title.padEnd(24)} ${seconds.toFixed(3)} s  plain ${plain.toFixed(3)} s  ratio ${ratio.toFixed(2)}  peak ${megabytes.toFixed(0)} MB${rate}`,
    );
  }
}
