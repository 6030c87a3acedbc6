import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { configInit } from '../../../src/commands/config/init.ts';
import { renderConfig, type UrlReference } from '../../../src/config/render-config.ts';
import { settingsOfText } from '../../../src/config/load.ts';
import { createContext } from '../../../src/context.ts';
import { createRedactor } from '../../../src/redaction.ts';
import { createPostgres } from '../../support/databases.ts';
import { fakeSystem, runMain } from '../../support/fake-system.ts';
import { describeOn } from '../../support/servers.ts';
import { scriptedPrompter, type Answer } from '../../config/scripted-prompter.ts';
import { temporaryDirectory } from '../../config/temporary-directory.ts';

/** A directory with a small auth database, `auth.db`. */
async function directoryWithDatabase() {
  const directory = temporaryDirectory();
  const made = await runMain(['demo', 'auth.db', '--users', '3', '--sessions', '9'], { cwd: directory.path });
  expect(made.code, made.stderr).toBe(0);
  return directory;
}

type Env = Readonly<Record<string, string>>;

const init = (argv: readonly string[], cwd: string, env: Env = {}) =>
  runMain(['config', 'init', ...argv], { cwd, env });

/** What a configuration file means to other commands. */
async function meaning(path: string, env: Env = {}) {
  const checked = await runMain(['config', 'check', path], { env });
  expect(checked.stdout).toBe(`${path}: 1 profile, no problems\n`);
  const listed = await runMain(['--config', path, 'list', '--state', 'all', '--json'], { env });
  expect(listed.code, listed.stderr).toBe(0);
  return (JSON.parse(listed.stdout) as readonly unknown[]).length;
}

describe('config init without questions', () => {
  it('writes a file with a reference that every other command understands', async () => {
    const { path } = await directoryWithDatabase();
    const env = { AUTH_DB: 'sqlite:auth.db' };
    const outcome = await init(['--url-env', 'AUTH_DB', '--no-input'], path, env);
    const file = `${path}/sessionctl.toml`;
    expect(outcome).toMatchObject({ code: 0, stdout: `${file}\n` });
    expect(outcome.stderr).toMatch(
      /^found SQLite [\d.]+, sessions in session, users in user\nids are text, times are .+\nthe newest session began .+ \(\d{4}-.+Z\)\nnow try: sessionctl list\n$/,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('\ndefault_profile = "default"\n\n[profiles.default]\n');
    expect(text).toContain('\nurl = "${AUTH_DB}"\n');
    expect(text).toContain('\n# time_zone = "UTC"\n');
    expect(await meaning(file, env)).toBe(9);
  });

  it('takes the profile, its time zone and the place from flags', async () => {
    const { path } = await directoryWithDatabase();
    const argv = [
      '--profile',
      'on call',
      '--time-zone',
      '+05:30',
      '--url',
      'auth.db',
      '--file',
      'deep/er/s.toml',
      '--no-input',
    ];
    const { code, stderr } = await init(argv, path);
    expect(code, stderr).toBe(0);
    const file = `${path}/deep/er/s.toml`;
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('\n[profiles."on call"]\n');
    expect(text).toContain('\ntime_zone = "+05:30"\n');
    expect(text).toContain(`\nurl = "sqlite:${path}/auth.db"\n`);
    expect(stderr).toContain(`now try: sessionctl --config ${file} list\n`);
    expect(await meaning(file)).toBe(9);
  });

  it('reports to scripts', async () => {
    const { path } = await directoryWithDatabase();
    const { stdout } = await init(['--url', 'auth.db', '--no-input', '--json', '--quiet'], path);
    expect(JSON.parse(stdout)).toMatchObject({
      path: `${path}/sessionctl.toml`,
      profile: 'default',
      sessionTable: 'session',
      userTable: 'user',
      keyType: 'text',
      zoneKnown: true,
    });
  });

  it('never overwrites a file, except with --force, and then as a whole', async () => {
    const directory = await directoryWithDatabase();
    const file = directory.write('sessionctl.toml', 'mine', 0o644);
    const refused = await init(['--url', 'auth.db', '--no-input'], directory.path);
    expect(refused).toEqual({
      code: 3,
      stdout: '',
      stderr: `error: ${file} exists already, and was left as it is\nhint: Give another place with --file, or replace it with --force.\n`,
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect((await init(['--url', 'auth.db', '--no-input', '--force'], directory.path)).code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await meaning(file)).toBe(9);
    expect(readdirSync(directory.path).sort()).toEqual(['auth.db', 'sessionctl.toml']);
  });

  it.each([
    ['no URL', ['--no-input'], 2, 'config init needs the URL of the database'],
    ['no URL and no terminal', [], 2, 'config init needs the URL of the database'],
    ['an empty --url-env', ['--url-env', ''], 2, '--url-env was given an empty value'],
    ['an empty --file', ['--url', 'auth.db', '--file', ''], 2, '--file was given an empty value'],
    ['both URLs', ['--url', 'a', '--url-env', 'B'], 2, '--url and --url-env cannot be combined'],
    ['a reference in place of a name', ['--url-env', '${A}'], 2, '"${A}" is not the name of a variable'],
    ['an unset variable', ['--url-env', 'UNSET'], 3, 'the variable UNSET is not set'],
    ['a bad time zone', ['--url', 'auth.db', '--time-zone', 'Mars'], 2, '"Mars" is not a time zone'],
    ['another format', ['--url', 'auth.db', '-o', 'csv'], 2, '"csv" is not a format here'],
    ['a database that is not there', ['--url', 'absent.db'], 4, 'absent.db'],
  ])('refuses %s and writes nothing', async (_title, argv, code, message) => {
    const { path } = await directoryWithDatabase();
    const outcome = await init(argv, path);
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(readdirSync(path)).toEqual(['auth.db']);
  });
});

describeOn('postgresql', 'config init on PostgreSQL', () => {
  /** The database of an application whose servers are 5 h 30 min ahead of UTC, and that stores their wall clock. */
  async function aheadOfUtc(): Promise<string> {
    const database = await createPostgres();
    onTestFinished(() => database.drop());
    await database.query(
      'CREATE TABLE session (id text PRIMARY KEY, token text, "userId" text, "expiresAt" timestamp, "createdAt" timestamp, "updatedAt" timestamp)',
    );
    await database.query(
      `INSERT INTO session SELECT '1', 't', 'u', t, t, t FROM (SELECT (now() AT TIME ZONE 'UTC') + interval '5 hours 20 minutes' AS t) clock`,
    );
    return database.url;
  }

  it('writes a password where the user insists, hides it everywhere else and advises against it', async () => {
    const { path } = temporaryDirectory();
    const url = (await aheadOfUtc()).replace('postgres@', 'postgres:hunter2@');
    const { code, stdout, stderr } = await init(['--url', url, '--no-input'], path);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      'note: the file holds the password; with --url-env <name> it stays in the environment\n',
    );
    expect(stdout + stderr).not.toContain('hunter2');
    expect(readFileSync(`${path}/sessionctl.toml`, 'utf8')).toContain(`\nurl = "${url}"\n`);
    const shown = await runMain(['config', 'show'], { cwd: path });
    expect(shown.stdout).toContain(url.replace('hunter2', '***'));
    expect(shown.stdout + shown.stderr).not.toContain('hunter2');
  });

  it('warns when the assumed time zone puts the newest session into the future', async () => {
    const { path } = temporaryDirectory();
    const env = { DATABASE_URL: await aheadOfUtc() };
    const argv = ['--url-env', 'DATABASE_URL', '--no-input', '--force'];
    const utc = await init(argv, path, env);
    expect(utc.stderr).toContain('the newest session began in 5h (');
    expect(utc.stderr).toContain(
      "warning: the newest session is in the future: the time zone UTC is not the application's\n",
    );
    const kolkata = await init([...argv, '--time-zone', 'Asia/Kolkata'], path, env);
    expect(kolkata.stderr).toMatch(
      /the newest session began 1\dm ago \(.*\), if the application writes Asia\/Kolkata\n/,
    );
    expect(kolkata.stderr).not.toContain('warning');
  });

  it('asks for the time zone only where the database does not know, and looks again', async () => {
    const { path } = temporaryDirectory();
    const { code, stderr, left } = await answered(path, { DATABASE_URL: await aheadOfUtc() }, [
      ['Where is the URL', 'In DATABASE_URL of the environment'],
      ['Time zone', 'America/New_York'],
      ['Is that age right?', false],
      ['Time zone', 'Asia/Kolkata'],
      ['Is that age right?', true],
      ['Name of the profile', 'live'],
      ['File to write', ''],
      ['Write ', true],
    ]);
    expect(code).toBe(0);
    expect(left).toEqual([]);
    expect(stderr).toContain('is in the future: the time zone UTC is not');
    expect(stderr).toContain('is in the future: the time zone America/New_York');
    expect(stderr).toMatch(
      /began 1\dm ago \(.*\), if the application\s+writes Asia\/Kolkata\nprofile "live", URL from \$\{DATABASE_URL\}, time zone Asia\/Kolkata\n/,
    );
    expect(readFileSync(`${path}/sessionctl.toml`, 'utf8')).toContain('\n[profiles.live]\n');
  });
});

/** Runs the wizard with a person who gives these answers. */
async function answered(cwd: string, env: Env, answers: readonly Answer[], flags = {}) {
  const fake = fakeSystem({ cwd, env, tty: { stdin: true, stderr: true } });
  const script = scriptedPrompter(answers);
  const all = { color: false, input: true, ...flags };
  const context = createContext(fake.system, createRedactor(), all);
  const code = await configInit.run(
    { ...context, prompter: () => Promise.resolve(script.prompter) },
    all,
    [],
  );
  return { code, stdout: fake.stdout(), stderr: fake.stderr(), left: script.left() };
}

describe('config init with questions', () => {
  it.each<[string, readonly Answer[], string]>([
    ['In a file', [['Path of the file', 'secret/url']], 'url_file = "<cwd>/secret/url"'],
    ['Printed by a command', [['Command', 'echo "auth.db"']], 'url_command = "echo \\"auth.db\\""'],
    ['Type it now', [['URL', 'auth.db']], 'url = "auth.db"'],
  ])('%s', async (place, answers, expected) => {
    const directory = await directoryWithDatabase();
    directory.write('secret/url', 'auth.db\n');
    const { code, stdout, left } = await answered(directory.path, {}, [
      ['Where is the URL', place],
      ...answers,
      ['Name of the profile', ''],
      ['File to write', ''],
      ['Write ', true],
    ]);
    const file = `${directory.path}/sessionctl.toml`;
    expect({ code, stdout, left }).toEqual({ code: 0, stdout: `${file}\n`, left: [] });
    expect(readFileSync(file, 'utf8')).toContain(`\n${expected.replace('<cwd>', directory.path)}\n`);
    expect(await meaning(file)).toBe(9);
  });

  it('writes nothing when the answer is no', async () => {
    const { path } = await directoryWithDatabase();
    const asked = answered(path, {}, [
      ['Where is the URL', 'Type it now'],
      ['URL', 'auth.db'],
      ['Name of the profile', ''],
      ['File to write', 'other.toml'],
      ['Write ', false],
    ]);
    await expect(asked).rejects.toThrow('cancelled, nothing was written');
    expect(readdirSync(path)).toEqual(['auth.db']);
  });

  it('tells of a URL where nobody answers before it asks for more', async () => {
    const directory = await directoryWithDatabase();
    const env = { REDIS_URL: 'redis://127.0.0.1:1' };
    const { code, stderr, left } = await answered(directory.path, env, [
      ['Where is the URL', 'Type it now'],
      ['URL', 'postgres://127.0.0.1:1/nobody'],
      ['Where is the URL', 'In a file'],
      ['Path of the file', 'missing'],
      ['Where is the URL', 'Type it now'],
      ['URL', 'auth.db'],
      ['keep sessions in Redis', false],
      ['Name of the profile', ''],
      ['File to write', ''],
      ['Write', true],
    ]);
    expect([code, left]).toEqual([0, []]);
    expect(stderr).toContain('warning: cannot reach 127.0.0.1:1/nobody: no server listens there');
    expect(stderr.replace(/\s+/g, ' ')).toMatch(/cannot read \S+missing:/);
  });

  it('refuses an existing file at the question', async () => {
    const directory = await directoryWithDatabase();
    directory.write('sessionctl.toml', '');
    await expect(
      answered(directory.path, {}, [
        ['Where is the URL', 'Type it now'],
        ['URL', 'auth.db'],
        ['Name of the profile', ''],
        ['File to write', ''],
      ]),
    ).rejects.toThrow('refused: That file exists');
  });

  it('asks nothing under --no-input, nor where a flag says it all', async () => {
    const { path } = await directoryWithDatabase();
    await expect(answered(path, {}, [], { input: false })).rejects.toThrow('config init needs the URL');
    expect((await answered(path, {}, [], { url: 'auth.db' })).code).toBe(0);
  });
});

/** A draft that leaves everything open. */
const empty = { timeZone: null, envFile: null, settings: [], remarks: [] };

describe('the file that is written', () => {
  it.each<[string, UrlReference]>([
    ['a "quoted" \\ name', { kind: 'literal', url: 'postgres://u:a"b\\c${D}$${E}\u007f@h/d' }],
    ['new\nline', { kind: 'command', command: 'printf \'%s\' "sqlite:a\\tb.db" "${HOME}"' }],
    ['[brackets].dots', { kind: 'literal', url: 'ünïcode.db' }],
  ])('keeps profile %j and its URL as they were', async (name, url) => {
    const text = renderConfig({ ...empty, name, url, timeZone: 'UTC' });
    const { system } = fakeSystem({ env: { HOME: '/home/me' } });
    const { database } = await settingsOfText(
      { path: '/sessionctl.toml', text, profile: name },
      system,
      createRedactor(),
    );
    expect(database.profile).toBe(name);
    expect(database.url).toBe(
      url.kind === 'literal' ? url.url : 'sqlite:a\tb.db/home/me'.replace('\t', String.raw`\t`),
    );
  });

  it('shows defaults and examples that are valid once the # is taken away', async () => {
    const directory = temporaryDirectory();
    const text = renderConfig({ ...empty, name: 'default', url: { kind: 'literal', url: 'a.db' } });
    const uncommented = text.replace(/^# (?=\[|\w+ = )/gm, '');
    expect(uncommented).not.toBe(text);
    directory.write('ca.pem', 'CA');
    directory.write('.env', '');
    const path = directory.write('all.toml', uncommented);
    expect((await runMain(['config', 'check', path], { env: { BETTER_AUTH_SECRET: 'any' } })).stdout).toBe(
      `${path}: 1 profile, no problems\n`,
    );
  });
});
