import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Drivers and what speaks to them: only `store/` knows of these. */
const DATABASE_LIBRARIES = ['knex', 'knex/*', 'pg', 'mysql2', 'mysql2/*', 'better-sqlite3'];
/** Costly to load: `await import()` where first needed, so that `--help` and `--version` pay nothing. */
const HEAVY_LIBRARIES = [
  '@babel/parser',
  '@inquirer/*',
  'cli-table3',
  'csv-stringify',
  'csv-stringify/*',
  'p-retry',
  'toml-eslint-parser',
  'ua-parser-js',
  'valibot',
];

/** Forbids imports, values and types alike. */
const forbid = (files, patterns) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
});

const rooms = (names, message) => ({ regex: `^(\\.\\./)+(${names.join('|')})(/|\\.ts$)`, message });
const libraries = (group, message, allowTypeImports = false) => ({ group, message, allowTypeImports });

const STORE = rooms(
  ['output', 'commands', 'program', 'main', 'context', 'command'],
  'store/ never prints and knows no command.',
);
/** The rooms of store/database that do something. */
const WORKING_ROOMS = ['read', 'end', 'create', 'examine', 'migrations', 'combined'];

export default defineConfig(
  globalIgnores(['dist', 'coverage']),
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: {
          allowDefaultProject: [
            'eslint.config.js',
            'bundle.js',
            'bundle-notices.js',
            'bin/*.js',
            'bench/*.js',
            'test/compat/*.js',
          ],
        },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // A Knex builder that nobody awaits never runs, and no error says so.
      '@typescript-eslint/no-floating-promises': ['error', { checkThenables: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': 'error',
      // A type parameter may tie a caller's annotation to a callback; that is what defineCommand does.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        {
          name: 'process',
          message: 'Only bin/ touches the process; what a command may use is on the System.',
        },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'The clock comes in: context.now, or the store’s own.' },
      ],
    },
  },
  // The direction of dependencies: bin → main → program → commands → sessions ← store.
  forbid(
    ['src/sessions/**'],
    [
      { regex: '^\\.\\./', message: 'sessions/ is the domain and imports nothing outside itself.' },
      { regex: '^node:', message: 'sessions/ is the domain: no I/O.' },
      libraries(
        [...DATABASE_LIBRARIES, ...HEAVY_LIBRARIES],
        'sessions/ is the domain: no drivers, no output.',
      ),
    ],
  ),
  forbid(['src/store/**'], [STORE]),
  // Within store/database: connect and schema ← query ← read, end, create, examine; the dialects serve all of them.
  forbid(
    ['src/store/database/{connect,schema}/**'],
    [
      STORE,
      rooms(['query', ...WORKING_ROOMS], 'connect/ and schema/ know no query and nothing that is done.'),
    ],
  ),
  forbid(
    ['src/store/database/query/**'],
    [STORE, rooms(WORKING_ROOMS, 'query/ writes conditions; what is done with them is above it.')],
  ),
  forbid(
    ['src/store/database/dialects/**'],
    [STORE, rooms(WORKING_ROOMS, 'A dialect knows what a server can do, and not what is done with it.')],
  ),
  forbid(
    ['src/doctor/**'],
    [
      rooms(
        ['store', 'commands', 'output', 'program', 'main', 'context'],
        'doctor/ judges what it is told, and neither asks a database nor prints.',
      ),
    ],
  ),
  forbid(
    ['src/config/**'],
    [
      rooms(
        ['store', 'commands', 'output', 'program', 'main', 'context'],
        'config/ turns text into settings and knows neither stores nor commands.',
      ),
    ],
  ),
  forbid(
    ['src/output/**'],
    [rooms(['store', 'commands', 'config', 'program', 'main', 'context'], 'output/ shows what it is given.')],
  ),
  forbid(
    ['src/commands/**'],
    [
      rooms(['store', 'program', 'main'], 'commands/ reaches a store through context.withStore.'),
      libraries(DATABASE_LIBRARIES, 'commands/ never sees Knex, a driver or a dialect.'),
      libraries(
        HEAVY_LIBRARIES,
        'Load it with await import() inside run, so that --help pays nothing.',
        true,
      ),
    ],
  ),
  {
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        process: 'readonly',
        require: 'readonly',
        exports: 'writable',
        Buffer: 'readonly',
        __dirname: 'readonly',
        AbortController: 'readonly',
        URL: 'readonly',
        console: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
      },
    },
  },
  {
    // CommonJS: it starts faster.
    files: ['bin/*.js'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['bench/**'],
    rules: { 'no-console': 'off' },
  },
);
