import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import {
  createDatabase,
  createMysql,
  createPostgres,
  withDatabase,
  type TestDatabase,
} from '../support/databases.ts';
import { runMain } from '../support/fake-system.ts';
import {
  freePort,
  missingInitdb,
  startPrivatePostgres,
  type PrivatePostgres,
} from '../support/private-postgres.ts';
import {
  binaryPath,
  isAllPowerful,
  runProgram,
  runSessionctl,
  unprivileged,
  writeConfig,
} from '../support/run-sessionctl.ts';
import { describeOn, serverUrl, type ServerDialect } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';

// What a library prints past the program would land in the middle of somebody's JSON.
const printed = (['log', 'info', 'warn', 'error', 'debug'] as const).map((method) =>
  vi.spyOn(console, method).mockImplementation(() => undefined),
);
afterEach(() => {
  const calls = printed.flatMap((spy) => spy.mock.calls);
  for (const spy of printed) spy.mockClear();
  expect(calls).toEqual([]);
});
afterAll(() => {
  for (const spy of printed) spy.mockRestore();
});

const directory = mkdtempSync(join(inject('temporaryDirectory'), 'refusals-'));

const codes = { 1: 'failed', 2: 'usage', 3: 'config', 4: 'connection', 5: 'schema' } as const;

/** Expects a refusal: nothing on stdout, one error that says what happened, and the same as JSON for scripts. */
async function refused(
  words: readonly string[],
  code: keyof typeof codes,
  message: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout, stderr, code: exitCode } = await runMain(words, { env });
  expect({ words, stdout, exitCode, stderr }).toEqual({
    words,
    stdout: '',
    exitCode: code,
    stderr: expect.stringMatching(/^error: /m) as unknown,
  });
  expect(stderr).toMatch(message);
  expect(stderr, 'an expected failure shows no stack').not.toMatch(/^\s+at |unexpected:/m);
  const json = await runMain([...words, '--json'], { env });
  expect(json).toMatchObject({ stdout: '', code });
  const last = json.stderr.trimEnd().split('\n').at(-1) ?? '';
  expect(JSON.parse(last)).toEqual({
    error: { code: codes[code], message: expect.any(String) as unknown, hint: anyHint },
  });
  return stderr;
}
const anyHint: unknown = expect.toSatisfy((hint: unknown) => hint === null || typeof hint === 'string');

function sqliteFile(name: string, ...statements: readonly string[]): string {
  const file = join(directory, name);
  const database = new BetterSqlite3(file);
  for (const statement of statements) database.exec(statement);
  database.close();
  return `sqlite:${file}`;
}

const sessionColumns =
  'id text primary key, token text not null unique, "expiresAt" date not null, "createdAt" date not null, "updatedAt" date not null, "ipAddress" text, "userAgent" text, "userId" text not null';

describe('words', () => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deploy(plainShape('sqlite'));
  });
  afterAll(async () => {
    await deployment.database.drop();
  });
  const refusedOn = (words: readonly string[], code: 1 | 2, message: RegExp) =>
    refused(['--url', deployment.database.url, ...words], code, message);

  it('an unknown option, with the nearest known one', async () => {
    expect(await refusedOn(['list', '--usr', 'ada'], 2, /unknown option '--usr'/)).toMatch(/--user/);
  });
  it.each([
    [['revoke', '--ip', '192.0.2.1'], /revoke-all takes --ip/],
    [['revoke', '--created-after=1d', 'x'], /revoke-all takes --created-after/],
    [['revoke-all', '--everyone', '-y'], /It is called --yes here/],
    [['list', '--format', 'json'], /It is called --output here/],
    [['ls'], /It is called list here/],
    [['kill', 'x'], /It is called revoke here/],
  ])('%j, which other tools have, with its name here', async (words, hint) => {
    expect(await refusedOn(words, 2, /unknown/)).toMatch(hint);
  });

  it('an unknown command, with the nearest known one', async () => {
    expect(await refusedOn(['lst'], 2, /unknown command 'lst'/)).toMatch(/list/);
    await refusedOn(['config', 'chekc'], 2, /unknown command .*chekc/);
  });
  it('a word too many, an option without its value, no id', async () => {
    await refusedOn(
      ['list', 'ada@example.com'],
      2,
      /too many arguments[^]*hint: Select with options such as --user/,
    );
    await refusedOn(['show'], 2, /missing required argument 'id'[^]*hint: `sessionctl list` shows ids/);
    await refusedOn(['verify', 'x'], 2, /too many arguments[^]*hint: The token or cookie is read from stdin/);
    await refusedOn(
      ['completion'],
      2,
      /missing required argument 'shell'[^]*hint: Use one of bash, zsh, fish/,
    );
    await refusedOn(['list', '--user'], 2, /--user.*argument missing/);
    await refusedOn(['show'], 2, /missing required argument/);
  });
  it('an unknown user', async () => {
    await refusedOn(['list', '--user', 'nobody@example.com'], 1, /nobody@example\.com/);
  });
  it('an unknown session', async () => {
    await refusedOn(['show', 'nosuchsession'], 1, /nosuchsession/);
  });
  it.each([
    '300.0.0.1',
    '203.0.113.0/33',
    '203.0.113.0/',
    '203.0.113.0/24/8',
    '2001:db8::/129',
    'localhost',
    '203.0.113',
    '::1%lo',
    '-1',
  ])('the address %s', async (value) => {
    await refusedOn(['list', `--ip=${value}`], 2, /--ip.*not an IP address/);
  });
  it.each([
    'yesterday',
    '2026-02-30',
    '2026-13-01',
    '10:00',
    '7 d',
    '7y',
    '-1d',
    '1700000000',
    '2026-11-23T25:00Z',
  ])('the time %s', async (value) => {
    await refusedOn(['list', `--created-after=${value}`], 2, /--created-after.*not a time/);
  });
  it('limits that leave no moment', async () => {
    await refusedOn(
      ['list', '--created-after', '1d', '--created-before', '2d'],
      2,
      /--created-after and --created-before/,
    );
  });
  it.each([
    '--user',
    '--ip',
    '--user-agent',
    '--created-before',
    '--expires-after',
    '--except-user',
    '--except-session',
    '--state',
    '--sort',
    '--limit',
  ])('an empty %s', async (option) => {
    await refusedOn(['list', option, ''], 2, new RegExp(option));
  });
  it('an unknown state, format, sort, limit and time zone', async () => {
    await refusedOn(['list', '--state', 'live'], 2, /--state.*live/);
    await refusedOn(['list', '--sort', 'age'], 2, /--sort.*age/);
    for (const limit of ['0', '-1', '1.5', 'many'])
      await refusedOn(['list', `--limit=${limit}`], 2, /--limit/);
    await refusedOn(['list', '--time-zone', 'Mars/Olympus'], 2, /Mars\/Olympus/);
    const { code, stderr } = await runMain(['--url', deployment.database.url, 'list', '-o', 'yaml']);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(/yaml/) as unknown });
  });
});

describe('SQLite', () => {
  it('a missing file, which is not created', async () => {
    const file = join(directory, 'missing.db');
    await refused(['--url', `sqlite:${file}`, 'list'], 4, /missing\.db/);
    await refused(['--url', file, 'list'], 4, /missing\.db/);
    await refused(['--url', `file:${file}`, 'list'], 4, /missing\.db/);
    expect(() => new BetterSqlite3(file, { fileMustExist: true })).toThrow();
  });
  it('a directory', async () => {
    await refused(['--url', `sqlite:${directory}`, 'list'], 4, /directory/);
  });
  it('a file that is no database', async () => {
    const text = join(directory, 'notes.txt');
    writeFileSync(
      text,
      'A list of things to do, longer than the header of a database would be. '.repeat(100),
    );
    await refused(['--url', text, 'list'], 4, /not an? (SQLite )?database/i);
  });
  it('an empty database', async () => {
    const empty = join(directory, 'empty.db');
    writeFileSync(empty, '');
    await refused(['--url', `sqlite:${empty}`, 'list'], 5, /no .*session/i);
    await refused(
      ['--url', sqliteFile('other.db', 'CREATE TABLE invoice (id integer)'), 'list'],
      5,
      /no .*session/i,
    );
  });
  it('the session table of Auth.js', async () => {
    const url = sqliteFile(
      'authjs.db',
      'CREATE TABLE "Session" (id text primary key, "sessionToken" text not null unique, "userId" text not null, expires datetime not null)',
      'CREATE TABLE "User" (id text primary key, name text, email text unique)',
    );
    await refused(['--url', url, 'list'], 5, /Session/);
  });
  it('two tables that both could be it', async () => {
    const url = sqliteFile(
      'two.db',
      `CREATE TABLE session (${sessionColumns})`,
      `CREATE TABLE sessions (${sessionColumns})`,
    );
    expect(await refused(['--url', url, 'list'], 5, /sessions/)).toMatch(/table/);
  });
});

describe.each(['postgresql', 'mysql'] satisfies readonly ServerDialect[])('%s', (dialect) => {
  const scheme = dialect === 'postgresql' ? 'postgres' : 'mysql';

  it('a closed port', async () => {
    const port = await freePort();
    await refused(
      ['--url', `${scheme}://user:not-to-be-seen@127.0.0.1:${String(port)}/auth`, 'list'],
      4,
      new RegExp(String(port)),
    );
  });

  it('an unknown host, and the password stays unseen', async () => {
    const url = `${scheme}://user:not-to-be-seen@no-such-host.invalid/auth`;
    const stderr = await refused(['--url', url, 'list'], 4, /no-such-host\.invalid/);
    const verbose = await runMain(['--url', url, 'list', '--verbose']);
    expect(stderr + verbose.stderr + verbose.stdout).not.toContain('not-to-be-seen');
  });

  describe('a server that accepts and never answers', () => {
    let server: Server;
    beforeAll(async () => {
      server = createServer(() => undefined);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => {
      server.close();
    });

    it('is given up when the connect timeout is over', async () => {
      const address = server.address();
      const port = address === null || typeof address === 'string' ? 0 : address.port;
      const { code, stdout, stderr } = await runSessionctl(
        ['--config', writeConfig({ connectTimeout: '1s' }), 'list'],
        {
          env: { DATABASE_URL: `${scheme}://user@127.0.0.1:${String(port)}/auth` },
        },
      );
      expect({ code, stdout, stderr }).toEqual({
        code: 4,
        stdout: '',
        stderr: expect.stringMatching(/1s|time/i) as unknown,
      });
    });
  });

  describeOn(dialect, 'on a server', () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await createDatabase(dialect);
    });
    afterAll(async () => {
      await database.drop();
    });
    afterEach(async () => {
      const tables =
        dialect === 'postgresql'
          ? ['"Session"', 'session', 'sessions']
          : ['`Session`', 'session', 'sessions'];
      for (const table of tables) await database.query(`DROP TABLE IF EXISTS ${table}`);
    });

    const q = (name: string) => (dialect === 'postgresql' ? `"${name}"` : `\`${name}\``);
    const text = dialect === 'postgresql' ? 'text' : 'varchar(255)';
    const time = dialect === 'postgresql' ? 'timestamptz' : 'timestamp(3)';
    const columns = (timeType: string) =>
      [
        `id ${text} primary key`,
        `token ${text} not null unique`,
        ...['expiresAt', 'createdAt', 'updatedAt'].map((name) => `${q(name)} ${timeType} not null`),
        ...['ipAddress', 'userAgent', 'userId'].map((name) => `${q(name)} ${text}`),
      ].join(', ');

    it('a database that does not exist', async () => {
      await refused(
        ['--url', withDatabase(serverUrl(dialect), 'sessionctl_no_such_database'), 'list'],
        4,
        /sessionctl_no_such_database/,
      );
    });
    it('a database without a session table', async () => {
      await refused(['--url', database.url, 'list'], 5, /no .*session/i);
    });
    it('the session table of Auth.js', async () => {
      await database.query(
        `CREATE TABLE ${q('Session')} (id ${text} primary key, ${q('sessionToken')} ${text} not null unique, ${q('userId')} ${text} not null, expires ${time} not null)`,
      );
      await refused(['--url', database.url, 'list'], 5, /session/i);
    });
    it('two tables that both could be it', async () => {
      await database.query(`CREATE TABLE session (${columns(time)})`);
      await database.query(`CREATE TABLE sessions (${columns(time)})`);
      await refused(['--url', database.url, 'list'], 5, /sessions/);
    });
    it('times in a type that cannot hold one', async () => {
      await database.query(`CREATE TABLE session (${columns('boolean')})`);
      await refused(['--url', database.url, 'list'], 5, /expiresAt/);
    });
  });
});

describeOn('postgresql', 'PostgreSQL, rights', () => {
  it('a role that may not read the sessions', async () => {
    const deployment = await deploy(plainShape('postgresql'));
    const role = new URL(deployment.database.url).pathname.slice(1);
    try {
      await deployment.database.query(`CREATE ROLE "${role}" LOGIN PASSWORD 'reader password'`);
      const url = new URL(deployment.database.url);
      url.username = role;
      url.password = 'reader password';
      await refused(['--url', url.href, 'list'], 4, /permission|privilege|right|may not|denied/i);
    } finally {
      await deployment.database.query(`DROP ROLE IF EXISTS "${role}"`);
      await deployment.database.drop();
    }
  });

  it('a schema that the role may not use', async () => {
    const database = await createPostgres();
    const role = new URL(database.url).pathname.slice(1);
    try {
      await database.query('CREATE SCHEMA auth');
      await database.query(
        `CREATE TABLE auth.session (${sessionColumns.replaceAll(' date', ' timestamptz')})`,
      );
      await database.query(`CREATE ROLE "${role}" LOGIN PASSWORD 'reader password'`);
      const url = new URL(database.url);
      url.username = role;
      url.password = 'reader password';
      await refused(['--url', url.href, 'list'], 4, /permission|privilege|right|may not|denied/i);
    } finally {
      await database.query(`DROP ROLE IF EXISTS "${role}"`);
      await database.drop();
    }
  });
});

describeOn('mysql', 'MySQL and MariaDB, rights', () => {
  // Accounts belong to the server, where another run may be at work.
  const user = `reader_${randomBytes(6).toString('hex')}`;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createMysql();
    await database.query(
      `CREATE TABLE session (${sessionColumns.replaceAll(' date', ' timestamp(3)').replaceAll('"', '`').replaceAll(' text', ' varchar(255)')})`,
    );
    await database.query(`DROP USER IF EXISTS ${user}@'%'`);
    await database.query(`CREATE USER ${user}@'%' IDENTIFIED BY 'right password'`);
  });
  afterAll(async () => {
    await database.query(`DROP USER IF EXISTS ${user}@'%'`);
    await database.drop();
  });
  const urlWith = (password: string) => {
    const url = new URL(database.url);
    url.username = user;
    url.password = password;
    return url.href;
  };

  it('a wrong password, which stays unseen', async () => {
    const stderr = await refused(['--url', urlWith('wrong-password'), 'list'], 4, /password|denied/i);
    expect(stderr).not.toContain('wrong-password');
  });
  it('a user without rights on the database', async () => {
    await refused(['--url', urlWith('right password'), 'list'], 4, /denied|privilege|right/i);
  });
  it('a user who may read other columns but not the sessions', async () => {
    await database.query(`GRANT INSERT ON ${new URL(database.url).pathname.slice(1)}.* TO ${user}@'%'`);
    await refused(['--url', urlWith('right password'), 'list'], 4, /denied|privilege|right/i);
  });
});

const noInitdb = missingInitdb();
describe.skipIf(noInitdb !== undefined)(
  `PostgreSQL that asks for a password${noInitdb === undefined ? '' : ` (skipped: ${noInitdb})`}`,
  () => {
    let server: PrivatePostgres;
    beforeAll(async () => {
      server = await startPrivatePostgres('right-password');
    });
    afterAll(async () => {
      await server.stop();
    });

    it('a wrong password, which stays unseen', async () => {
      const stderr = await refused(
        ['--url', server.url.replace('right-password', 'wrong-password'), 'list'],
        4,
        /password/i,
      );
      expect(stderr).not.toContain('wrong-password');
      const verbose = await runMain([
        '--url',
        server.url.replace('right-password', 'wrong-password'),
        'list',
        '--verbose',
      ]);
      expect(verbose.stderr).not.toContain('wrong-password');
    });
    it('no password', async () => {
      await refused(['--url', server.url.replace(':right-password', ''), 'list'], 4, /password/i);
    });
    it('the right one gets as far as the schema', async () => {
      await refused(['--url', server.url, 'list'], 5, /session/);
    });
  },
);

describe('configuration', () => {
  it('every mistake at once, each with its line', async () => {
    const file = join(directory, 'three-mistakes.toml');
    writeFileSync(
      file,
      [
        'default_profile = "production"',
        '',
        '[profiles.production]',
        'ulr = "sqlite:auth.db"',
        'connect_timeout = "soon"',
        'time_zone = "Mars/Olympus"',
        '',
      ].join('\n'),
      { mode: 0o600 },
    );
    const stderr = await refused(['--config', file, 'list'], 3, /ulr/);
    for (const line of [4, 5, 6]) expect(stderr).toMatch(new RegExp(`(line |:)${String(line)}\\b`));
    expect(stderr).toMatch(/\burl\b/);
    expect(stderr).toMatch(/connect_timeout/);
    expect(stderr).toMatch(/Mars\/Olympus/);
  });
  it('a file that is not TOML, a missing file, a directory', async () => {
    const file = join(directory, 'broken.toml');
    writeFileSync(file, 'default_profile = \n', { mode: 0o600 });
    await refused(['--config', file, 'list'], 3, /broken\.toml/);
    await refused(['--config', join(directory, 'missing.toml'), 'list'], 3, /missing\.toml/);
    await refused(['--config', directory, 'list'], 3, /directory/i);
  });
  it('no configuration at all', async () => {
    await refused(['list'], 3, /database|--url/i);
  });
  it('an unknown profile, with the known ones', async () => {
    const file = join(directory, 'profiles.toml');
    writeFileSync(file, '[profiles.production]\nurl = "sqlite:auth.db"\n', { mode: 0o600 });
    expect(await refused(['--config', file, '--profile', 'prodution', 'list'], 3, /prodution/)).toMatch(
      /production/,
    );
  });
  it.skipIf(isAllPowerful)(
    `a file that may not be read${isAllPowerful ? ' (skipped: root may read everything)' : ''}`,
    async () => {
      const file = join(directory, 'unreadable.toml');
      writeFileSync(file, '', { mode: 0o600 });
      chmodSync(file, 0o000);
      chmodSync(directory, 0o755);
      const { code, stdout, stderr } = await runSessionctl(['--config', file, 'list'], unprivileged);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toMatch(/^error: .*unreadable\.toml.*permission/i);
    },
  );
});

describe('a reader that goes away', () => {
  const folder = join(directory, 'large');
  let url: string;
  beforeAll(() => {
    mkdirSync(folder);
    const moment = (offset: string) => `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '${offset}')`;
    url = sqliteFile(
      'large/large.db',
      `CREATE TABLE session (${sessionColumns})`,
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
       INSERT INTO session SELECT 'session-' || i, 'token ' || i, ${moment('+7 days')}, ${moment('-1 day')}, ${moment('-1 hour')}, '192.0.2.1', 'agent', 'user' FROM n`,
    );
  });

  it.each([
    ['jsonl', 60_000],
    ['json', 60_000],
    ['csv', 60_000],
    ['ids', 60_000],
    // A table is measured before it is drawn, and nobody reads a longer one.
    ['table', 3000],
  ])('`list -o %s | head -1` ends well and says nothing', async (format, limit) => {
    const command = `{ "${process.execPath}" "${binaryPath}" --url "${url}" list --quiet --limit ${String(limit)} -o ${format}; echo "ended with $?" >&2; } | head -1`;
    const { code, stdout, stderr } = await runProgram('/bin/sh', ['-c', command]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'ended with 0\n' });
    expect(stdout.split('\n')).toHaveLength(2);
  });
});
