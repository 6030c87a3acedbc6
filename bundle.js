/**
 * Our code and the libraries in few files: reading hundreds of small ones takes longer than running them. What a command
 * does not need at first stays in a file of its own. Nothing is minified, so a stack trace still names functions.
 */
import { build } from 'rolldown';
import { notices } from './bundle-notices.js';

/** Native packages, and drivers of other databases that knex can load. */
const external = [
  'better-sqlite3',
  'cloudflare:sockets',
  'mariadb/callback',
  'mysql',
  'oracledb',
  'pg-native',
  'pg-query-stream',
  'sqlite3',
  'tedious',
];

await build({
  cwd: import.meta.dirname,
  platform: 'node',
  external,
  input: { main: 'src/main.ts' },
  plugins: [notices],
  onLog(level, log, handler) {
    // Some libraries use eval. Nothing can be done about it here.
    if (log.code === 'EVAL' && log.id?.includes('node_modules')) return;
    if (level === 'warn') throw new Error(log.message);
    handler(level, log);
  },
  output: {
    dir: 'dist',
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    cleanDir: true,
  },
});
