/**
 * The program in few files: reading hundreds of small ones, of knex and lodash above all, costs more than running them.
 * What is not needed at first stays in files of its own; nothing is minified, so that a stack still says where.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { build } from 'rolldown';

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

/** Whose code the files hold: their licences ask to be passed on with it. */
const licences = {
  name: 'licences',
  generateBundle(_options, bundle) {
    const packages = new Set(
      Object.values(bundle)
        .flatMap((file) => file.moduleIds ?? [])
        .map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0])
        .filter((directory) => directory !== undefined),
    );
    const notices = [...packages].map(noticeOf).sort((a, b) => a.localeCompare(b));
    this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-LICENSES.txt', source: notices.join('\n') });
  },
};

function noticeOf(directory) {
  const { name, version, license, author } = JSON.parse(readFileSync(`${directory}/package.json`, 'utf8'));
  const file = readdirSync(directory).find((entry) =>
    /^(?:licen[cs]e|copying)(?:[.-](?:md|txt|mit))?$/i.test(entry),
  );
  if (license === undefined) throw new Error(`${name} does not say under which licence it is`);
  const text =
    file === undefined
      ? `Copyright ${typeof author === 'string' ? author : (author?.name ?? `the authors of ${name}`)}\n`
      : readFileSync(`${directory}/${file}`, 'utf8');
  return `${'='.repeat(80)}\n${name} ${version} (${license})\n\n${text.trim()}\n`;
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
    plugins: [licences],
    output: { dir: 'dist', format: 'esm', chunkFileNames: '[name]-[hash].js', cleanDir: true },
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
