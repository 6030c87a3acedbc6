import { mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runMain, type FakeSystemOptions } from '../support/fake-system.ts';
import { temporaryDirectory } from './temporary-directory.ts';

async function check(
  file: string | Uint8Array,
  env: Readonly<Record<string, string>> = {},
  argv: readonly string[] = [],
) {
  const directory = temporaryDirectory();
  directory.write('sessionctl.toml', file);
  const { code, stdout, stderr } = await runMain(['config', 'check', ...argv], { cwd: directory.path, env });
  const here = (text: string) => text.replaceAll(`${directory.path}/`, '');
  return { code, stdout: here(stdout), stderr: here(stderr) };
}

/** The problems of a profile with these lines, which begin in line 2. */
async function problemsOf(lines: string): Promise<string> {
  return (await check(`[profiles.a]\n${lines}\n`)).stdout.replaceAll('sessionctl.toml:', '');
}

describe('config check', () => {
  it('says in one line that nothing is wrong', async () => {
    expect(await check('[profiles.a]\nurl = "a.db"\n[profiles.b]\nurl = "b.db"\n')).toEqual({
      code: 0,
      stdout: 'sessionctl.toml: 2 profiles, no problems\n',
      stderr: '',
    });
  });

  it('reports every problem at once, with its line and what was probably meant', async () => {
    const file = `default_profile = "prodution"

[profiles.production]
url = "\${NOT_SET}"
time_zone = "Europe/Berln"
statement_timout = "30s"

[profiles.production.schema]
tabel = "auth_sessions"
columns = { userID = "account_holder", expiresat = "valid_until" }

[profiles.staging]
url = "mysq://staging/auth"
url_file = "absent"
connect_timeout = 30
`;
    expect(await check(file)).toMatchInlineSnapshot(`
      {
        "code": 3,
        "stderr": "error: sessionctl.toml has 10 problems
      ",
        "stdout": "sessionctl.toml:1: default_profile: there is no profile "prodution". Did you mean "production"?
      sessionctl.toml:4: profiles.production.url: the variable NOT_SET is not set. Set it, or write $\${ for the literal characters.
      sessionctl.toml:5: profiles.production.time_zone: "Europe/Berln" is not a time zone. Did you mean "Europe/Berlin"?
      sessionctl.toml:6: profiles.production.statement_timout: unknown key. Did you mean "statement_timeout"?
      sessionctl.toml:9: profiles.production.schema.tabel: unknown key. Did you mean "table"?
      sessionctl.toml:10: profiles.production.schema.columns.userID: unknown key. Did you mean "userId"?
      sessionctl.toml:10: profiles.production.schema.columns.expiresat: unknown key. Did you mean "expiresAt"?
      sessionctl.toml:12: profiles.staging: has url and url_file. Keep one of them.
      sessionctl.toml:13: profiles.staging.url: begins with "mysq:", which is not supported. Did you mean "mysql"?
      sessionctl.toml:15: profiles.staging.connect_timeout: must be a string in quotes such as "30s", not 30
      ",
      }
    `);
  });

  it('reports variables and files of every profile', async () => {
    const file = '[profiles.a]\nurl = "${A}"\n[profiles.b]\nurl_file = "absent"\ntls.ca = "ca.pem"\n';
    const files = `sessionctl.toml:4: profiles.b.url_file: cannot read absent: there is no such file
sessionctl.toml:5: profiles.b.tls.ca: cannot read ca.pem: there is no such file
`;
    expect((await check(file, { A: 'a.db' })).stdout).toBe(files);
    expect((await check(file)).stdout).toBe(
      `sessionctl.toml:2: profiles.a.url: the variable A is not set. Set it, or write $\${ for the literal characters.\n${files}`,
    );
  });

  it('gives the same to scripts', async () => {
    const { code, stdout, stderr } = await check('[profiles.a]\nurl = "a.db"\nuri = "b"\n', {}, ['--json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toEqual({
      path: expect.stringMatching(/sessionctl\.toml$/) as unknown,
      profiles: ['a'],
      problems: [
        { line: 3, column: null, message: 'profiles.a.uri: unknown key', hint: 'Did you mean "url"?' },
      ],
    });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'config' } });
  });

  it.each([
    ['x =\n', 'sessionctl.toml:2:1: not TOML'],
    ['[profiles.a]\nurl = "a\n', 'sessionctl.toml:2:9: not TOML: Unterminated string constant'],
    [
      '[profiles.a]\nurl = "a"\nurl = "b"\n',
      'sessionctl.toml:3:1: not TOML: Defining a key multiple times is invalid',
    ],
  ])('gives line and column of %j', async (file, expected) => {
    const { code, stdout } = await check(file);
    expect(code).toBe(3);
    expect(stdout).toContain(expected);
  });

  it.each([
    ['url = 5', '2: profiles.a.url: must be a string in quotes, not 5'],
    ['url = ""', '2: profiles.a.url: must not be empty'],
    ['url = "a.db"\nurl_command = "b"', '1: profiles.a: has url and url_command. Keep one of them.'],
    ['time_zone = "UTC"', '1: profiles.a: has no URL. Set one of url, url_file, url_command.'],
    ['urll = "a.db"', '2: profiles.a.urll: unknown key. Did you mean "url"?'],
    [
      'url = "a.db"\nstatement_timeout = 30',
      '3: profiles.a.statement_timeout: must be a string in quotes such as "30s", not 30',
    ],
    ['url = "a.db"\nstatement_timeout = "25d"', '3: profiles.a.statement_timeout: "25d" is longer than 24d'],
    ['url = "a.db"\nconnect_timeout = "0s"', '3: profiles.a.connect_timeout: "0s" is zero'],
    [
      'url = "postgres://h/d"\nreplicas = ["mysql://r"]',
      '3: profiles.a.replicas: is for MySQL and MariaDB only. A PostgreSQL primary names its replicas itself. Leave the key out.',
    ],
    [
      'url = "mysql://h/d"\nreplicas = "mysql://r"',
      '3: profiles.a.replicas: must be an array of URLs such as ["mysql://user@replica"], not a string',
    ],
    ['url = "mysql://h/d"\nreplicas = ["mysql://r", ""]', '3: profiles.a.replicas.1: must not be empty'],
    ['url = "mysql://h/d"\nreplicas = [5]', '3: profiles.a.replicas.0: must be a string in quotes, not 5'],
    [
      'url = "mysql://h/d"\nreplicas = ["postgres://r"]',
      '3: profiles.a.replicas.0: is not the URL of a MySQL or MariaDB server. Begin it with mysql:// or mariadb://.',
    ],
    [
      'url = "mysql://h/d"\nreplicas = ["mysql://u:hunter/2@r"]',
      '3: profiles.a.replicas.0: cannot be read as a URL. Percent-encode special characters of a password: @ is %40, / is %2F, # is %23, ? is %3F.',
    ],
    ['url = "a.db"\ntls = true', '3: profiles.a.tls: must be a table, not true'],
    [
      'url = "a.db"\ntls.reject_unauthorized = "no"',
      '3: profiles.a.tls.reject_unauthorized: must be true or false, without quotes, not a string',
    ],
    [
      'url = "a.db"\nsession.maximum_sessions = 0',
      '3: profiles.a.session.maximum_sessions: must be a whole number of at least 1',
    ],
    [
      'url = "a.db"\nip.ipv6_subnet = 56',
      "3: profiles.a.ip.ipv6_subnet: must be 32, 48, 64 or 128, without quotes, not 56. Use the application's advanced.ipAddress.ipv6Subnet; Better Auth's default is 64.",
    ],
    [
      'url = "a.db"\nip.ipv6_subnet = "48"',
      '3: profiles.a.ip.ipv6_subnet: must be 32, 48, 64 or 128, without quotes, not "48". Use the application\'s advanced.ipAddress.ipv6Subnet; Better Auth\'s default is 64.',
    ],
    [
      'url = "a.db"\nauth.release = "^1.7.0"',
      '3: profiles.a.auth.release: must be a release of Better Auth, not "^1.7.0". Write the release that `npm ls better-auth` shows, such as "1.7.25".',
    ],
    [
      'url = "a.db"\nip.ipv6_subnets = 48',
      '3: profiles.a.ip.ipv6_subnets: unknown key. Did you mean "ipv6_subnet"?',
    ],
    [
      'url = "a.db"\nsession.maximum_sessions = "5"',
      '3: profiles.a.session.maximum_sessions: must be a number without quotes, not a string',
    ],
    ['url = "a.db"\nredis.cluster = true', '3: profiles.a.redis: has no URL. Set one of url, url_file.'],
    [
      'url = "a.db"\nredis = { url = "redis://m", cluster = true, sentinels = ["a:1"] }',
      '3: profiles.a.redis: has cluster and sentinels. A cluster needs no sentinels: keep one of them.',
    ],
    [
      'url = "a.db"\nredis = { url = "redis://m", sentinels = ["a"] }',
      '3: profiles.a.redis.sentinels.0: is not a host with a port. Write it as 10.0.0.1:26379.',
    ],
    [
      'url = "a.db"\nredis = { url = "redis://m", settle = "1h" }',
      '3: profiles.a.redis.settle: "1h" is longer than 5m',
    ],
    [
      'url = "a.db"\nsession.secondary_storage = false\nredis.url = "redis://h"',
      '3: profiles.a.session.secondary_storage: states that the application uses no Redis, but one is configured. Remove one of them.',
    ],
    [
      'url = "a.db"\nsession.secondary_storage = true',
      '3: profiles.a.session.secondary_storage: is true, but no Redis is configured. Configure Redis in [profiles.a.redis], or leave the key out.',
    ],
    [
      'url = "a.db"\nsession.store_in_database = true',
      '3: profiles.a.session.store_in_database: has an effect only if sessions are in Redis too, and no Redis is configured. Configure Redis in [profiles.a.redis], or leave the key out.',
    ],
    [
      'url = "a.db"\nredis.url = "redis:/127.0.0.1"',
      '3: profiles.a.redis.url: is not a redis:// or rediss:// URL. Write redis://host[:port][/number], or rediss:// for TLS. Put user and password before the host, as in user:password@.',
    ],
    [
      'url = "a.db"\nredis.url = "redis://u:hunter/2@r"',
      '3: profiles.a.redis.url: is not a redis:// or rediss:// URL. Write redis://host[:port][/number], or rediss:// for TLS. Put user and password before the host, as in user:password@.',
    ],
    [
      'url = "a.db"\nredis.url = "redis://u:hun%ter@r"',
      '3: profiles.a.redis.url: has a % that encodes nothing; write the character itself as %25. Write redis://host[:port][/number], or rediss:// for TLS. Put user and password before the host, as in user:password@.',
    ],
    [
      'url = "a.db"\nredis.url = "redis://r/zero"',
      '3: profiles.a.redis.url: has something other than a database number, such as /0, after its host. Write redis://host[:port][/number], or rediss:// for TLS. Put user and password before the host, as in user:password@.',
    ],
    [
      'url = "a.db"\nredis.url = "http://x"',
      '3: profiles.a.redis.url: begins with "http:", which is not supported. Use one of redis, rediss.',
    ],
    [
      'url = "a.db"\nauth.base_url = "app.example"',
      '3: profiles.a.auth.base_url: must be a URL. Begin it with http:, https:.',
    ],
    [
      'url = "a.db"\n[profiles.a.schema.user_columns]\ne_mail = "x"',
      '4: profiles.a.schema.user_columns.e_mail: unknown key. Did you mean "email"?',
    ],
    ['url = "a.db"\n[[profiles.b]]\nurl = "b.db"', '3: profiles.b: must be a table, not an array'],
    ['url = "a.db"\n[profiles.constructor]', '3: constructor cannot be a key'],
    ['url = "a.db"\n[profile.b]', '3: profile: unknown key. Did you mean "profiles"?'],
    ['url = "a.db"\n[profiles]\nb = 2020-01-01', '4: profiles.b: must be a table, not a date'],
  ])('finds what is wrong with %j', async (lines, expected) => {
    expect(await problemsOf(lines)).toBe(`${expected}\n`);
  });

  it.each([
    'sqlite:a.db',
    'file:a.db',
    'a.db',
    String.raw`C:\\a.db`,
    'POSTGRES://h/d',
    'postgresql://h/d',
    'mysql://h/d',
    'mariadb://h/d',
  ])('takes %s for a database', async (url) => {
    expect((await check(`[profiles.a]\nurl = "${url}"\n`)).stdout).toBe(
      'sessionctl.toml: 1 profile, no problems\n',
    );
  });

  it('misses profiles in an empty file', async () => {
    expect((await check('# nothing\n')).stdout).toBe(
      'sessionctl.toml:1: there are no profiles. Write a profile as a table [profiles.<name>].\n',
    );
  });

  it('reads a file with a byte order mark', async () => {
    expect((await check('\ufeff[profiles.a]\nurl = "a.db"\n')).code).toBe(0);
  });

  it('stops every other command as well', async () => {
    const directory = temporaryDirectory();
    directory.write('sessionctl.toml', '[profiles.a]\nurl = "a.db"\nuri = "b"\nzone = "UTC"\n');
    const outcome = await runMain(['list'], { cwd: directory.path });
    expect(outcome).toMatchObject({ code: 3, stdout: '' });
    expect(outcome.stderr.replaceAll(directory.path, '.')).toBe(
      'error: the configuration has 2 problems\n' +
        './sessionctl.toml:3: profiles.a.uri: unknown key. Did you mean "url"?\n' +
        './sessionctl.toml:4: profiles.a.zone: unknown key. Use one of url, url_file, url_command, env_file, replicas, time_zone, statement_timeout, connect_timeout, tls, schema, redis, session, ip, auth.\n',
    );
  });
});

describe('a file that cannot be read', () => {
  const run = async (argv: readonly string[], options: FakeSystemOptions) =>
    runMain(['config', 'check', ...argv], options);

  it('is absent', async () => {
    const { path } = temporaryDirectory();
    expect(await run(['absent.toml'], { cwd: path })).toEqual({
      code: 3,
      stdout: '',
      stderr: `error: cannot read the configuration file ${path}/absent.toml: there is no such file\n`,
    });
  });

  it('is a directory', async () => {
    const { path } = temporaryDirectory();
    mkdirSync(`${path}/sessionctl.toml`);
    expect(await run([], { cwd: path })).toMatchObject({
      code: 3,
      stderr: `error: cannot read the configuration file ${path}/sessionctl.toml: it is a directory\n`,
    });
  });

  it('is not UTF-8', async () => {
    const result = await check(new Uint8Array([0x61, 0x3d, 0xff, 0xfe]));
    expect(result).toEqual({
      code: 3,
      stdout: '',
      stderr: 'error: the configuration file sessionctl.toml is not UTF-8 text\n',
    });
  });

  it('is forbidden', async () => {
    const directory = temporaryDirectory();
    directory.write('placeholder', '');
    const path = directory.write('sessionctl.toml', '[profiles.a]\nurl = "a.db"\n', 0o000);
    const outcome = await asOrdinaryUser(directory.path, () => run([], { cwd: directory.path }));
    expect(outcome).toEqual({
      code: 3,
      stdout: '',
      stderr: `error: cannot read the configuration file ${path}: permission denied\n`,
    });
  });
});

/** root may read everything: for the while, this process is nobody. */
async function asOrdinaryUser<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return work();
  const { chmodSync } = await import('node:fs');
  chmodSync(directory, 0o755);
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('a file that is nested without end', () => {
  it.each([
    ['lists', `a = ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`],
    ['tables', `a = ${'{ a = '.repeat(20_000)}1${' }'.repeat(20_000)}\n`],
    ['a name of tables', `[${'a.'.repeat(20_000)}a]\n`],
    ['a key', `${'a.'.repeat(20_000)}a = 1\n`],
  ])('is refused: %s', async (_, text) => {
    expect(await check(text)).toEqual({
      code: 3,
      stdout: 'sessionctl.toml:1: values are nested too deeply\n',
      stderr: 'error: sessionctl.toml has 1 problem\n',
    });
  });
});
