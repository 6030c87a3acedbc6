/**
 * The program in few files: reading hundreds of small ones, of knex and lodash above all, costs more than running them.
 * What is not needed at first stays in files of its own; nothing is minified, so that a stack still says where.
 */
import { build } from 'rolldown';
import { notices } from './bundle-notices.js';

/** Native, or drivers of other databases that knex knows of. */
const elsewhere = [
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

const source = {
  cwd: import.meta.dirname,
  platform: 'node',
  external: elsewhere,
  onLog(level, log, handler) {
    // Of libraries: nothing that could be done about it here.
    if (log.code === 'EVAL' && log.id?.includes('node_modules')) return;
    if (level === 'warn') throw new Error(log.message);
    handler(level, log);
  },
};

await build([
  {
    ...source,
    input: { main: 'src/main.ts' },
    plugins: [notices],
    output: {
      dir: 'dist',
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name]-[hash].cjs',
      cleanDir: true,
    },
  },
  // Module by module, for what starts parts of it in processes of their own: tests and bench.
  {
    ...source,
    input: { main: 'src/main.ts' },
    external: (id) => !/^[./]/.test(id),
    output: {
      dir: 'build',
      format: 'esm',
      preserveModules: true,
      preserveModulesRoot: 'src',
      cleanDir: true,
    },
  },
]);
