import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { expect, it, describe, onTestFinished } from 'vitest';
import { configInit } from '../../../src/commands/config/init.ts';
import { createContext } from '../../../src/context.ts';
import { createRedactor } from '../../../src/redaction.ts';
import { createPostgres } from '../../support/databases.ts';
import { fakeSystem, runMain } from '../../support/fake-system.ts';
import { describeOn, describeOnRedis } from '../../support/servers.ts';
import { scriptedPrompter, type Answer } from '../../config/scripted-prompter.ts';
import { temporaryDirectory } from '../../config/temporary-directory.ts';

type Env = Readonly<Record<string, string>>;

const SECRET = 'a-secret-of-32-characters-or-more';
const AUTH = `import { betterAuth } from 'better-auth';
import Database from 'better-sqlite3';
import { days } from './days';
export const auth = betterAuth({
  database: new Database('auth.db'),
  secret: '${SECRET}',
  baseURL: process.env.APP_URL,
  session: { expiresIn: 60 * 60 * 24 * 14, updateAge: days(1), cookieCache: { enabled: true } },
  advanced: { cookiePrefix: 'shop', ipAddress: { ipv6Subnet: 48 } },
});
`;

/** A directory with a small auth database, `auth.db`, and these files. */
async function project(files: Readonly<Record<string, string>>) {
  const directory = temporaryDirectory();
  const made = await runMain(['demo', 'auth.db', '--users', '3', '--sessions', '9'], { cwd: directory.path });
  expect(made.code, made.stderr).toBe(0);
  for (const [name, text] of Object.entries(files)) directory.write(name, text);
  return directory.path;
}

/** Runs the wizard with a person who gives these answers. */
async function answered(cwd: string, env: Env, answers: readonly Answer[], flags = {}) {
  const fake = fakeSystem({ cwd, env, tty: { stdin: true, stderr: true }, columns: 500 });
  const script = scriptedPrompter(answers);
  const all = { color: false, input: true, ...flags };
  const context = createContext(fake.system, createRedactor(), all);
  const prompter = () => Promise.resolve(script.prompter);
  const code = await configInit.run({ ...context, prompter }, all, []);
  return { code, stdout: fake.stdout(), stderr: fake.stderr(), left: script.left() };
}

const written = (cwd: string) => readFileSync(`${cwd}/sessionctl.toml`, 'utf8');
const LAST: readonly Answer[] = [
  ['Name of the profile', ''],
  ['File to write', ''],
  ['Write ', true],
];

describe('config init --auth', () => {
  it('writes what the application says, each with its line, and no secret', async () => {
    const cwd = await project({
      'src/lib/auth.ts': AUTH,
      'node_modules/better-auth/package.json': '{ "name": "better-auth", "version": "1.7.15" }',
    });
    const { code, stdout, stderr } = await runMain(
      ['config', 'init', '--auth', 'src/lib/auth.ts', '--no-input', '--json'],
      { cwd },
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      'warning: src/lib/auth.ts:8: session.updateAge is made by days(), which is not run\n',
    );
    const text = written(cwd);
    expect(text + stdout + stderr).not.toContain(SECRET);
    for (const line of [
      'url = "sqlite:auth.db"',
      'expires_in = "14d"   # src/lib/auth.ts:8',
      '# update_age = "1d"',
      'cookie_cache = { enabled = true }   # src/lib/auth.ts:8',
      'ipv6_subnet = 48   # src/lib/auth.ts:9',
      'cookie_prefix = "shop"   # src/lib/auth.ts:9',
      'release = "1.7.15"   # node_modules/better-auth/package.json',
      '# base_url = "${APP_URL}"   # src/lib/auth.ts:7, not set when this was written',
      '# - src/lib/auth.ts:8: session.updateAge is made by days(), which is not run',
      '# secret = "${BETTER_AUTH_SECRET}"',
    ])
      expect(text.split('\n')).toContain(line);
    expect(JSON.parse(stdout)).toMatchObject({
      envFile: null,
      auth: {
        file: 'src/lib/auth.ts',
        unread: [
          { option: 'secret', line: 6 },
          { option: 'session.updateAge', line: 8 },
        ],
      },
    });
    const { stdout: shown } = await runMain(['config', 'show', '--json'], { cwd });
    expect(JSON.parse(shown)).toMatchObject({
      settings: expect.arrayContaining([
        expect.objectContaining({ key: 'session.expires_in', value: '14d' }),
        expect.objectContaining({ key: 'auth.cookie_prefix', value: 'shop' }),
      ]) as unknown,
    });
  });

  it('says of Redis and of a cookie cache that there is none, so that a revocation is known to hold', async () => {
    const cwd = await project({
      'auth.ts': `import { betterAuth } from 'better-auth';
import Database from 'better-sqlite3';
export const auth = betterAuth({ database: new Database('auth.db') });
`,
    });
    const made = await runMain(['config', 'init', '--auth', 'auth.ts', '--no-input'], { cwd });
    expect(made.code, made.stderr).toBe(0);
    for (const line of [
      'cookie_cache = { enabled = false }   # not set in auth.ts',
      'secondary_storage = false   # not set in auth.ts',
    ])
      expect(written(cwd).split('\n')).toContain(line);
    const env = { XDG_STATE_HOME: temporaryDirectory().path };
    const done = await runMain(['revoke-all', '--everyone', '--yes', '--json', '-q'], { cwd, env });
    expect(done.code, done.stderr).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ revoked: 9, undeclared: [] });
  });

  it('writes a cookie cache that the environment switches as one that is on, and revocations count with it', async () => {
    const auth = AUTH.replace('enabled: true', "enabled: process.env.CACHE === '1', maxAge: 600");
    const cwd = await project({ 'auth.ts': auth });
    const { code, stderr } = await runMain(['config', 'init', '--auth', 'auth.ts', '--no-input'], { cwd });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      'warning: auth.ts:8: session.cookieCache.enabled depends on the environment: assumed to be on, ',
    );
    expect(written(cwd)).toContain(
      '\ncookie_cache = { enabled = true, max_age = "10m" }   # auth.ts:8 (assumed)\n',
    );
    const planned = await runMain(['revoke-all', '--ip', '0.0.0.0/0', '--dry-run'], { cwd });
    expect(planned.stdout).toContain('up to 10m');
    expect((await runMain(['doctor', '--json'], { cwd })).stdout).toContain('up to 10m to take effect');
  });

  it('says what to look for before revoking where a spread may set secondary storage', async () => {
    const auth = `import { betterAuth } from 'better-auth';\nimport Database from 'better-sqlite3';\nimport { shared } from './shared';\nexport const auth = betterAuth({\n  ...shared,\n  database: new Database('auth.db'),\n});\n`;
    const cwd = await project({ 'auth.ts': auth });
    const { code, stderr } = await runMain(['config', 'init', '--auth', 'auth.ts', '--no-input'], { cwd });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      'warning: before you revoke: check whether the application sets secondaryStorage where auth.ts:5 adds options. If it does, run this again with --redis-url-env <name> --force, or sessions in Redis stay valid\n',
    );
    const env = { REDIS_URL: 'redis://127.0.0.1:1' };
    const again = ['config', 'init', '--auth', 'auth.ts', '--no-input', '--force'];
    expect((await runMain(again, { cwd, env })).stderr).toContain(
      'run this again with --redis-url-env REDIS_URL --force, or',
    );
    // On a terminal it is asked, also where the flags say everything else.
    const flags = { auth: 'auth.ts', urlEnv: 'AUTH_DB', force: true };
    const asked = await answered(
      cwd,
      { AUTH_DB: 'sqlite:auth.db' },
      [['keep sessions in Redis', false]],
      flags,
    );
    expect(asked).toMatchObject({ code: 0, left: [] });
    expect(asked.stderr).toContain('auth.ts:5 adds options that are not read, and secondaryStorage may be');
    expect(asked.stderr).not.toContain('before you revoke');
    // Revocations are to know it.
    expect(written(cwd)).toContain('\nsecondary_storage = false   # config init\n');
    const planned = await runMain(['revoke-all', '--ip', '0.0.0.0/0', '--dry-run'], {
      cwd,
      env: { AUTH_DB: 'sqlite:auth.db' },
    });
    expect(planned.stdout).not.toContain('No Redis is configured here');
  });

  it('says what to do with the URL of a Redis that lies about, where nobody is asked', async () => {
    const cwd = await project({ '.env': 'REDIS_URL=redis://127.0.0.1:1\n' });
    const { code, stderr } = await runMain(['config', 'init', '--url', 'sqlite:auth.db', '--no-input'], {
      cwd,
    });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      'warning: REDIS_URL in .env is not used: if the application keeps sessions there (secondaryStorage), run this again with --env-file .env --redis-url-env REDIS_URL, or they stay valid when they are revoked\n',
    );
  });

  it.each([
    ['that file', ['--env-file', '.env']],
    ['a file beside it', []],
  ])('says so where %s makes the variable of others', async (_title, flags) => {
    const cwd = await project({ '.env': 'DATABASE_URL=postgres://app:hunter2hunter2@${HOST}/app\n' });
    const argv = ['config', 'init', '--url-env', 'DATABASE_URL', ...flags, '--no-input'];
    expect(await runMain(argv, { cwd })).toEqual({
      code: 3,
      stdout: '',
      stderr:
        'error: the variable DATABASE_URL is not set: .env composes it of other variables, which sessionctl does not do\nhint: Write it out there, or set it in the environment: export DATABASE_URL=…\n',
    });
  });

  it('takes variables from an --env-file, and says where one is that was not named', async () => {
    const auth = `import { betterAuth } from 'better-auth';\nimport { Pool } from 'pg';\nexport const auth = betterAuth({ database: new Pool({ connectionString: process.env.AUTH_DB }) });\n`;
    const cwd = await project({
      'auth.ts': auth,
      '.env.local': `AUTH_DB=sqlite:auth.db\nBETTER_AUTH_SECRET=${SECRET}\n`,
    });
    const refused = await runMain(['config', 'init', '--auth', 'auth.ts', '--no-input'], { cwd });
    expect(refused).toEqual({
      code: 3,
      stdout: '',
      stderr:
        'error: the variable AUTH_DB is not set\nhint: .env.local sets it: give --env-file .env.local to read it from there, now and later.\n',
    });
    const argv = ['config', 'init', '--auth', 'auth.ts', '--env-file', '.env.local', '--no-input'];
    const { code, stderr } = await runMain(argv, { cwd });
    expect(code, stderr).toBe(0);
    expect(written(cwd)).toContain('\nurl = "${AUTH_DB}"\n');
    expect(written(cwd)).toContain('\nenv_file = ".env.local"\n');
    expect(written(cwd)).toContain(`\nsecret = "\${BETTER_AUTH_SECRET}"   # Better Auth's own\n`);
    expect(written(cwd)).not.toContain(SECRET);
    const listed = await runMain(['list', '--state', 'all', '-o', 'ids'], { cwd });
    expect(listed.stdout.trim().split('\n')).toHaveLength(9);
    // Written elsewhere, the path still leads there.
    writeFileSync(`${cwd}/.env.local`, `AUTH_DB=sqlite:${cwd}/auth.db\n`);
    const elsewhere = await runMain([...argv, '--file', 'deploy/s.toml'], { cwd });
    expect(elsewhere.code, elsewhere.stderr).toBe(0);
    expect(readFileSync(`${cwd}/deploy/s.toml`, 'utf8')).toContain(`\nenv_file = "${cwd}/.env.local"\n`);
  });

  it.each([
    [
      'a literal URL',
      `import { Pool } from 'pg';`,
      `database: new Pool({ connectionString: 'postgres://a:hunter2hunter2@db/x' })`,
      'auth.ts:3 holds the database URL in plain text, which is not copied',
    ],
    [
      'a database from elsewhere',
      `import { db } from './db';`,
      'database: db',
      'auth.ts:3: the database URL cannot be read: it comes from "./db", which is not read',
    ],
    [
      'a secondary storage from elsewhere',
      `import Database from 'better-sqlite3'; import { storage } from './s';`,
      `database: new Database('auth.db'), secondaryStorage: storage`,
      'auth.ts:3: the application keeps sessions in secondary storage, and its URL cannot be read',
    ],
    ['no betterAuth', '', '', 'there is no betterAuth({…}) in '],
  ])('refuses %s, and writes nothing', async (_title, imports, options, message) => {
    const call = options === '' ? '' : `export const auth = betterAuth({ ${options} });`;
    const cwd = await project({
      'auth.ts': `import { betterAuth } from 'better-auth';\n${imports}\n${call}\n`,
    });
    const { code, stdout, stderr } = await runMain(['config', 'init', '--auth', 'auth.ts', '--no-input'], {
      cwd,
    });
    expect([2, 3]).toContain(code);
    expect(stderr).toContain(message);
    expect(stdout + stderr).not.toContain('hunter2');
    expect(readdirSync(cwd).sort()).toEqual(['auth.db', 'auth.ts']);
  });
});

describeOnRedis('config init with secondary storage', () => {
  it('looks into Redis as well, and writes where it is', async () => {
    const cwd = await project({
      'auth.ts': `import { betterAuth } from 'better-auth';
import Database from 'better-sqlite3';
import { Redis } from 'ioredis';
import { redisStorage } from '@better-auth/redis-storage';
export const auth = betterAuth({
  database: new Database('auth.db'),
  secondaryStorage: redisStorage({ client: new Redis(process.env.REDIS_URL!), keyPrefix: 'init-test:' }),
});
`,
    });
    const env = { REDIS_URL: process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379' };
    const { code, stderr } = await runMain(['config', 'init', '--auth', 'auth.ts', '--no-input'], {
      cwd,
      env,
    });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('found Redis ');
    expect(stderr).toMatch(/found SQLite [\d.]+, sessions in Redis only, users in user\n/);
    // The session table has rows, and the application does not say that they count.
    expect(stderr).toContain('warning: the session table of ');
    expect(written(cwd)).toContain(
      '\n[profiles.default.redis]\nurl = "${REDIS_URL}"   # auth.ts:7\nkey_prefix = "init-test:"   # auth.ts:7\n',
    );
    const dead = { REDIS_URL: 'redis://:hunter2hunter2@127.0.0.1:1' };
    const refused = await runMain(['config', 'init', '--auth', 'auth.ts', '--no-input', '--force'], {
      cwd,
      env: dead,
    });
    expect(refused.code).toBe(4);
    expect(refused.stderr).not.toContain('hunter2');
  });
});

describeOnRedis('the conversation about Redis', () => {
  it('takes its URL from a file that nothing else was taken from', async () => {
    const url = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379';
    const cwd = await project({ '.env': `REDIS_URL=${url}\n` });
    const { code, stderr, left } = await answered(cwd, { AUTH_DB: 'sqlite:auth.db' }, [
      ['Where is the URL', 'In AUTH_DB of the environment'],
      ['keep sessions in Redis', true],
      ['Where is the URL of Redis?', 'In REDIS_URL of .env'],
      ['Prefix of its keys', ''],
      ...LAST,
    ]);
    expect({ code, left }, stderr).toEqual({ code: 0, left: [] });
    expect(written(cwd)).toContain('\nenv_file = ".env"\n');
    expect(written(cwd)).toContain('\nurl = "${REDIS_URL}"   # config init\n');
  });
});

describe('the conversation', () => {
  it('finds what lies about, shows no secret of it, and offers it', async () => {
    const cwd = await project({
      '.env':
        'DATABASE_URL=postgres://app:hunter2hunter2@db.example/app\nAUTH_DB=sqlite:auth.db\nOTHER_URL=postgres://${USER}@db/app\n',
      '.env.example': 'DATABASE_URL=postgres://user:password@localhost/app\n',
      'src/lib/auth.ts': AUTH,
    });
    const { code, stderr, left } = await answered(cwd, {}, [
      ['Read the options of Better Auth in src/lib/auth.ts? It is not run', true],
      ['Where is the URL', 'The one in src/lib/auth.ts:5'],
      ...LAST,
    ]);
    expect({ code, left }).toEqual({ code: 0, left: [] });
    expect(stderr).toContain('found DATABASE_URL in .env: postgres://app:***@db.example/app\n');
    expect(stderr).toContain('found AUTH_DB in .env: sqlite:auth.db\n');
    expect(stderr).toContain(
      'not offered: OTHER_URL, since .env composes it of other variables, which sessionctl does not do. Write it out there, or set it in the environment: export OTHER_URL=…\n',
    );
    expect(stderr).toContain('  session.expires_in = 14d (session.expiresIn, line 8)\n');
    const read = Number(/read src\/lib\/auth\.ts: (\d+) settings/.exec(stderr)?.[1]);
    expect(stderr.match(/^ {2}\S+ = .* line \d+\)$/gm)).toHaveLength(read);
    expect(stderr).not.toMatch(/hunter2|a-secret-of|example\.com|localhost/);
    expect(written(cwd)).toContain('\nexpires_in = "14d"');
  });

  it('says at once what is wrong with a URL, and asks again', async () => {
    const cwd = await project({ '.env': 'AUTH_DB=sqlite:auth.db\n' });
    writeFileSync(`${cwd}/empty.db`, '');
    const { code, stderr, left } = await answered(
      cwd,
      { DATABASE_URL: 'postgres://app:hunter2hunter2@127.0.0.1:1/app' },
      [
        ['Where is the URL', 'In DATABASE_URL of the environment'],
        ['Where is the URL', 'Type it now'],
        ['URL', 'absent.db'],
        ['Where is the URL', 'Type it now'],
        ['URL', 'sqlite:empty.db'],
        ['Where is the URL', 'Type it now'],
        ['URL', ''],
        ['Where is the URL', 'In AUTH_DB of .env'],
        ...LAST,
      ],
    );
    expect({ code, left }).toEqual({ code: 0, left: [] });
    const warnings = stderr.split('\n').filter((line) => line.startsWith('warning: '));
    expect(warnings).toHaveLength(4);
    expect(warnings[0]).toContain('cannot reach 127.0.0.1:1/app');
    expect(warnings[1]).toContain('absent.db');
    expect(warnings[2]).toMatch(/session/);
    expect(stderr).not.toContain('hunter2');
    expect(written(cwd)).toContain('\nurl = "${AUTH_DB}"\n');
    expect(written(cwd)).toContain('\nenv_file = ".env"\n');
  });

  it('goes on without a configuration that cannot be read', async () => {
    const cwd = await project({ 'auth.ts': 'export const auth = make();\n' });
    const { code, stderr } = await answered(cwd, { AUTH_DB: 'sqlite:auth.db' }, [
      ['Read the options of Better Auth in auth.ts', true],
      ['Where is the URL', 'In AUTH_DB of the environment'],
      ...LAST,
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain('warning: there is no betterAuth({');
  });

  it('asks about Redis where one lies about and nothing says what it is for', async () => {
    const cwd = await project({});
    const env = { AUTH_DB: 'sqlite:auth.db', REDIS_URL: 'redis://127.0.0.1:1' };
    const { code, left } = await answered(cwd, env, [
      ['Where is the URL', 'In AUTH_DB of the environment'],
      ['keep sessions in Redis', false],
      ...LAST,
    ]);
    expect({ code, left }).toEqual({ code: 0, left: [] });
    expect(written(cwd)).not.toContain('\n[profiles.default.redis]');
  });

  it('says that a Redis is left out which the application does not use', async () => {
    const cwd = await project({ 'auth.ts': AUTH });
    const { code, stderr, left } = await answered(cwd, { REDIS_URL: 'redis://127.0.0.1:1' }, [
      ['Read the options', true],
      ['Where is the URL', 'The one in auth.ts:5'],
      ...LAST,
    ]);
    expect({ code, left }, stderr).toEqual({ code: 0, left: [] });
    expect(stderr).toContain(
      'REDIS_URL is not used: auth.ts sets no secondaryStorage, so no sessions are in Redis\n',
    );
  });

  it('never repeats a URL that is typed in place of a name', async () => {
    const cwd = await project({ '.env': 'AUTH_URL=sqlite:${NAME}.db\n' });
    const typed = (text: string) =>
      answered(cwd, {}, [
        ['Where is the URL', 'In an environment variable'],
        ['Name of the variable', text],
      ]);
    await expect(typed('postgres://app:hunter2hunter2@db/app')).rejects.toThrow(
      /^refused: That is not the name of a variable\. Give only the name, such as DATABASE_URL, and not the URL\.$/,
    );
    const given = await runMain(
      ['config', 'init', '--url-env', 'postgres://app:hunter2hunter2@db/app', '--no-input'],
      { cwd },
    );
    expect(given).toMatchObject({
      code: 2,
      stderr:
        'error: --url-env: what was given is not the name of a variable\nhint: Give only the name, such as DATABASE_URL, and not the URL.\n',
    });
  });

  it('says first that there is a file already, and what --force does', async () => {
    const cwd = await project({});
    writeFileSync(`${cwd}/sessionctl.toml`, 'mine');
    const answers: readonly Answer[] = [
      ['Where is the URL', 'In AUTH_DB of the environment'],
      ['Name of the profile', ''],
      ['File to write', 'other.toml'],
      ['Write ', true],
    ];
    const env = { AUTH_DB: 'sqlite:auth.db' };
    const { stderr } = await answered(cwd, env, answers);
    expect(stderr.split('\n')[0]).toBe(
      `${cwd}/sessionctl.toml exists already and stays unchanged: choose another file at the end, or stop now (Ctrl-C) and start again with --force to replace it`,
    );
    const forced = await answered(cwd, env, [answers[0] ?? ['', ''], ...LAST], { force: true });
    expect(forced.stderr.split('\n')[0]).toBe(
      `${cwd}/sessionctl.toml exists already and will be replaced at the end (--force)`,
    );
    expect(written(cwd)).toContain('${AUTH_DB}');
  });
});

describeOn('postgresql', 'the conversation on PostgreSQL', () => {
  it('recognises a table of a name that Drizzle may have changed, and an empty one', async () => {
    const database = await createPostgres();
    onTestFinished(() => database.drop());
    await database.query(
      'CREATE TABLE logins (id text PRIMARY KEY, token text, user_id text, expires_at timestamptz, created_at timestamptz, updated_at timestamptz)',
    );
    const cwd = await project({
      'auth.ts': `import { betterAuth } from 'better-auth';
import { drizzleAdapter } from 'better-auth/adapters/drizzle';
import { db } from './db';
export const auth = betterAuth({ database: drizzleAdapter(db, { provider: 'pg', usePlural: true }), session: { modelName: 'login' } });
`,
    });
    const { code, stderr, left } = await answered(cwd, { DATABASE_URL: database.url }, [
      ['Read the options', true],
      ['Where is the URL', 'In DATABASE_URL of the environment'],
      ...LAST,
    ]);
    expect({ code, left }, stderr).toEqual({ code: 0, left: [] });
    expect(stderr).toContain('sessions in public.logins');
    expect(stderr).toContain('there are no sessions yet');
    expect(written(cwd)).toContain('\ntable = "logins"   # auth.ts\n');
  });
});
