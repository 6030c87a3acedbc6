/**
 * The program in few files: reading hundreds of small ones, of knex and lodash above all, costs more than running them.
 * What is not needed at first stays in files of its own; nothing is minified, so that a stack still says where.
 */
import { fileURLToPath } from 'node:url';
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

/** What a file of a library is told. */
const shortcuts = {
  // Asked twice for each cell of a table, it takes every text through a pattern of all emoji there are.
  'string-width': {
    instead: 'const stringWidth = string => {',
    write: 'const stringWidth = string => { if (/^[\\x20-\\x7e]+$/.test(string)) return string.length;',
  },
  // Whether this is a Cloudflare worker, it finds out with a Response, for which Node loads all of `fetch`.
  'pg/lib/stream.js': { instead: "typeof Response === 'function'", write: 'false' },
};
const shortcutOf = new Map(
  Object.entries(shortcuts).map(([name, shortcut]) => [fileURLToPath(import.meta.resolve(name)), shortcut]),
);

/** What of libraries costs each start more than it is worth. */
const lean = {
  name: 'lean',
  transform(code, id) {
    const shortcut = shortcutOf.get(id);
    if (shortcut === undefined) return null;
    if (!code.includes(shortcut.instead)) throw new Error('it is not what it was: look at it again');
    return code.replace(shortcut.instead, shortcut.write);
  },
};

/**
 * Files that are loaded together, by the modules that ask for them: one of them is read sooner than twenty. What several
 * need is in the first.
 */
const together = {
  core: ['src/main.ts'],
  settings: ['src/config/load.ts', 'src/config/assemble-settings.ts', 'src/store/open-store.ts'],
  database: ['src/store/database/open.ts'],
  table: ['src/output/session-table.ts'],
};

const groups = Object.entries(together).map(([name, entries]) => ({
  debugName: name,
  name: (id, graph) => (importedBy(entries, graph).has(id) ? name : null),
}));

/** The modules, what they import, and whatever that does. */
function importedBy(entries, graph) {
  const found = new Set();
  const add = (id) => {
    if (found.has(id)) return;
    found.add(id);
    for (const next of graph.getModuleInfo(id)?.importedIds ?? []) add(next);
  };
  for (const entry of entries) add(fileURLToPath(new URL(entry, import.meta.url)));
  return found;
}

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
    plugins: [lean, notices],
    output: {
      dir: 'dist',
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name]-[hash].cjs',
      codeSplitting: { groups },
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
