import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/load.ts';
import type { SettingsFlags } from '../../src/config/settings.ts';
import { ConfigError } from '../../src/errors.ts';
import { createRedactor } from '../../src/redaction.ts';
import { fakeSystem, runMain } from '../support/fake-system.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const SECRETS = {
  urlPassword: 'p@ss-word',
  redisPassword: 'redis-password',
  secret: 'a-better-auth-secret',
  former: 'a-former-better-auth-secret',
  key: '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n',
};

function load(
  file: string,
  env: Readonly<Record<string, string>> = {},
  {
    flags = {},
    files = {},
    signal,
  }: { flags?: SettingsFlags; files?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
) {
  const directory = temporaryDirectory();
  directory.write('conf/sessionctl.toml', file);
  for (const [name, content] of Object.entries(files)) directory.write(name, content);
  const redactor = createRedactor();
  const { system } = fakeSystem({
    cwd: `${directory.path}/conf`,
    env,
    ...(signal === undefined ? {} : { signal }),
  });
  const loading = loadSettings(system, flags, redactor);
  return { directory: directory.path, redactor, loading };
}

/** The settings of a file with this one profile. */
async function settingsOf(
  profile: string,
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const { loading, redactor, directory } = load(`[profiles.only]\n${profile}`, env, { files });
  return { ...(await loading), redactor, directory };
}

/** The complaint, with `.` for the directory. */
async function complaintOf(
  profile: string,
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const { loading, directory } = load(`[profiles.only]\n${profile}`, env, { files });
  const error: unknown = await loading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConfigError)) throw new Error('no ConfigError', { cause: error });
  return error.message.replaceAll(directory, '.');
}

describe('settings', () => {
  it('are complete by default', async () => {
    const { settings, warnings, directory } = await settingsOf('url = "auth.db"');
    expect(warnings).toEqual([]);
    expect(settings).toEqual({
      database: {
        profile: 'only',
        url: 'auth.db',
        timeZone: null,
        statementTimeout: 60_000,
        connectTimeout: 10_000,
        replicas: [],
        tls: null,
        schema: {
          databaseSchema: null,
          table: null,
          userTable: null,
          columns: {},
          userColumns: {},
          verificationTable: null,
          verificationColumns: {},
        },
        cwd: `${directory}/conf`,
      },
      redis: null,
      session: {
        expiresIn: 604_800_000,
        declaredExpiresIn: null,
        updateAge: 86_400_000,
        freshAge: 86_400_000,
        cookieCache: {
          enabled: false,
          maxAge: 300_000,
          strategy: 'compact',
          version: '1',
          isDeclared: false,
        },
        secondaryStorage: null,
        storeInDatabase: false,
        disableRefresh: false,
        deferRefresh: false,
        preserveInDatabase: false,
        maximumSessions: null,
      },
      ip: { ipv6Subnet: 64 },
      auth: {
        secret: null,
        formerSecrets: [],
        baseUrl: null,
        cookiePrefix: null,
        release: null,
        jwtExpiresIn: null,
      },
    });
  });

  it('take everything that a file can say', async () => {
    const { settings, directory } = await settingsOf(
      `url = "mysql://app@db.example/auth"
time_zone = "-08:00"
statement_timeout = "0s"
connect_timeout = "3s"
replicas = ["mysql://app@one.example", "\${TWO}"]
tls = { ca = "../pem/ca.pem", cert = "../pem/cert.pem", key = "../pem/key.pem", reject_unauthorized = false }
[profiles.only.schema]
database_schema = "auth"
table = "auth_sessions"
user_table = "members"
columns = { userId = "account_holder", expiresAt = "valid_until" }
user_columns = { email = "mail" }
[profiles.only.redis]
url_file = "../redis-url"
key_prefix = ""
sentinels = ["one:26379", "[::1]:26380"]
sentinel_password = "\${SENTINEL}"
settle = "5s"
tls = {}
[profiles.only.session]
expires_in = "4w"
update_age = "0s"
disable_refresh = true
defer_refresh = true
fresh_age = "0s"
cookie_cache = { enabled = true, max_age = "90s", strategy = "jwe", version = "2" }
store_in_database = true
preserve_in_database = true
maximum_sessions = 12
[profiles.only.ip]
ipv6_subnet = 48
[profiles.only.auth]
secret = "\${SECRET}"
former_secrets = ["\${FORMER}"]
base_url = "https://app.example"
cookie_prefix = "app"
release = "1.7.25"
jwt_expires_in = "1h"
`,
      {
        SECRET: SECRETS.secret,
        FORMER: SECRETS.former,
        SENTINEL: 'sentinel-password',
        TWO: 'mariadb://two.example/auth',
      },
      {
        'pem/ca.pem': 'CA',
        'pem/cert.pem': 'CERT',
        'pem/key.pem': SECRETS.key,
        'redis-url': 'rediss://cache:6380/1\n',
      },
    );
    expect(settings).toEqual({
      database: {
        profile: 'only',
        url: 'mysql://app@db.example/auth',
        timeZone: '-08:00',
        statementTimeout: 0,
        connectTimeout: 3000,
        replicas: ['mysql://app@one.example', 'mariadb://two.example/auth'],
        tls: { ca: 'CA', cert: 'CERT', key: SECRETS.key, rejectUnauthorized: false },
        schema: {
          databaseSchema: 'auth',
          table: 'auth_sessions',
          userTable: 'members',
          columns: { userId: 'account_holder', expiresAt: 'valid_until' },
          userColumns: { email: 'mail' },
          verificationTable: null,
          verificationColumns: {},
        },
        cwd: `${directory}/conf`,
      },
      redis: {
        url: 'rediss://cache:6380/1',
        keyPrefix: '',
        cluster: false,
        sentinels: ['one:26379', '[::1]:26380'],
        sentinelPassword: 'sentinel-password',
        settle: 5000,
        connectTimeout: 3000,
        tls: { ca: null, cert: null, key: null, rejectUnauthorized: true },
      },
      session: {
        expiresIn: 2_419_200_000,
        declaredExpiresIn: 2_419_200_000,
        updateAge: 0,
        freshAge: 0,
        cookieCache: { enabled: true, maxAge: 90_000, strategy: 'jwe', version: '2', isDeclared: true },
        secondaryStorage: true,
        storeInDatabase: true,
        disableRefresh: true,
        deferRefresh: true,
        preserveInDatabase: true,
        maximumSessions: 12,
      },
      ip: { ipv6Subnet: 48 },
      auth: {
        secret: SECRETS.secret,
        formerSecrets: [SECRETS.former],
        baseUrl: 'https://app.example',
        cookiePrefix: 'app',
        release: '1.7.25',
        jwtExpiresIn: 3_600_000,
      },
    });
  });

  it('resolve SQLite paths from the file for a profile, from the working directory for a URL', async () => {
    const directory = temporaryDirectory();
    directory.write('sessionctl.toml', '[profiles.only]\nurl = "auth.db"\n');
    directory.write('deep/placeholder', '');
    const { system } = fakeSystem({ cwd: `${directory.path}/deep` });
    const cwdOf = async (flags: SettingsFlags) =>
      (await loadSettings(system, flags, createRedactor())).settings.database.cwd;
    expect(await cwdOf({})).toBe(directory.path);
    expect(await cwdOf({ url: 'auth.db' })).toBe(`${directory.path}/deep`);
    expect(await cwdOf({ url: 'auth.db', profile: 'only' })).toBe(`${directory.path}/deep`);
  });
});

describe('references to variables', () => {
  const urlOf = async (text: string, env: Readonly<Record<string, string>>) =>
    (await settingsOf(`url = ${JSON.stringify(text)}`, env)).settings.database.url;

  it.each([
    ['${A}', 'one.db'],
    ['dir/${A}.${_b2}', 'dir/one.db.two'],
    ['$A and $${A} and $$', '$A and ${A} and $$'],
    ['$$${A}', '$${A}'],
    ['${A}${A}', 'one.dbone.db'],
  ])('%s becomes %s', async (text, expected) => {
    expect(await urlOf(text, { A: 'one.db', _b2: 'two' })).toBe(expected);
  });

  it('are not expanded twice', async () => {
    expect(await urlOf('${A}', { A: '${B}', B: 'no' })).toBe('${B}');
  });

  it('work in every string, checked after they are replaced', async () => {
    const file = 'url = "a.db"\nstatement_timeout = "${LENGTH}"\nschema.columns.userId = "${COLUMN}"';
    const { settings } = await settingsOf(file, { LENGTH: '2m', COLUMN: 'owner' });
    expect(settings.database).toMatchObject({
      statementTimeout: 120_000,
      schema: { columns: { userId: 'owner' } },
    });
    expect(await complaintOf(file, { LENGTH: 'soon', COLUMN: 'owner' })).toBe(
      './conf/sessionctl.toml:3: profiles.only.statement_timeout: "soon" is not a duration. Write a whole number and a unit: 90s, 15m, 2h, 7d or 4w.',
    );
  });

  it('to unset or empty variables are problems with their lines, all at once', async () => {
    const file = 'url = "mysql://${USER_NAME}:${PASSWORD}@db/auth"\nauth.secret = "${SECRET}"\n';
    expect(await complaintOf(file, { PASSWORD: 'x', SECRET: '' })).toMatchInlineSnapshot(`
      "the configuration has 2 problems
      ./conf/sessionctl.toml:2: profiles.only.url: the variable USER_NAME is not set. Set it, or write $\${ for the literal characters.
      ./conf/sessionctl.toml:3: profiles.only.auth.secret: the variable SECRET is not set. Set it, or write $\${ for the literal characters."
    `);
  });

  it('matter only in the profile that is used, and where nothing else takes their place', async () => {
    const file = `default_profile = "a"
[profiles.a]
url = "\${URL_A}"
time_zone = "\${ZONE}"
redis.url = "\${REDIS}"
[profiles.b]
url = "\${URL_B}"
`;
    const env = { URL_A: 'a.db', ZONE: 'UTC', REDIS: 'redis://r' };
    const reasonOf = async (given: Readonly<Record<string, string>>, flags: SettingsFlags = {}) => {
      const { loading } = load(file, given, { flags });
      return loading.then(
        () => 'fine',
        (error: unknown) => /variable (\w+) is not set/.exec(String(error))?.[1],
      );
    };
    expect(await reasonOf(env)).toBe('fine');
    expect(await reasonOf(env, { profile: 'b' })).toBe('URL_B');
    expect(await reasonOf({ ...env, URL_A: '' })).toBe('URL_A');
    expect(await reasonOf({ ...env, URL_A: '' }, { url: 'x.db', profile: 'a' })).toBe('fine');
    expect(await reasonOf({ ...env, ZONE: '' })).toBe('ZONE');
    expect(await reasonOf({ ...env, ZONE: '' }, { timeZone: 'UTC' })).toBe('fine');
    expect(await reasonOf({ ...env, REDIS: '' })).toBe('REDIS');
    expect(await reasonOf({ ...env, REDIS: '', SESSIONCTL_REDIS_URL: 'redis://s' })).toBe('fine');
  });

  it('of Redis may come from the environment, without which rows beside it contradict themselves', async () => {
    const file = 'url = "a.db"\nsession.store_in_database = true';
    expect(await complaintOf(file)).toMatch(
      /^\.\/conf\/sessionctl\.toml:3: profiles\.only\.session\.store_in_database: has an effect only if .+ Configure Redis in/,
    );
    const { settings } = await settingsOf(file, { SESSIONCTL_REDIS_URL: 'redis://s' });
    expect(settings.session.storeInDatabase).toBe(true);
  });

  it.each(['${}', '${A-B}', '${1A}', '${A'])('%s is not one', async (text) => {
    expect(await complaintOf(`url = "x"\nauth.secret = "${text}"`, { A: 'a' })).toBe(
      `./conf/sessionctl.toml:3: profiles.only.auth.secret: "${text}" is not a reference to a variable. Write \${NAME}, or $\${ for the literal characters.`,
    );
  });
});

describe('replicas', () => {
  const file = (url: string) =>
    `${url}\nreplicas = ["mysql://u:\${PASSWORD}@one", "mysql://two?password=hunter33"]`;

  it('have passwords that the redactor knows', async () => {
    const { redactor } = await settingsOf(file('url = "mysql://h/d"'), { PASSWORD: 'hunter22' });
    expect(redactor.redact('said mysql://u:hunter22@one and mysql://two?password=hunter33')).toBe(
      'said *** and ***',
    );
    expect(redactor.redact('said hunter22 and hunter33')).toBe('said *** and ***');
  });
  it('need the variables that they refer to', async () => {
    expect(await complaintOf(file('url = "mysql://h/d"'))).toBe(
      './conf/sessionctl.toml:3: profiles.only.replicas.0: the variable PASSWORD is not set. Set it, or write $${ for the literal characters.',
    );
  });
  it.each([
    ['url_file = "url"', { 'conf/url': 'postgres://h/d' }],
    ['url_command = "echo sqlite:auth.db"', {}],
  ])('are none of a database that is neither MySQL nor MariaDB: %s', async (url, files) => {
    expect(await complaintOf(file(url), { PASSWORD: 'x' }, files)).toBe(
      './conf/sessionctl.toml:3: profiles.only.replicas is for MySQL and MariaDB only',
    );
  });
});

describe('url_file', () => {
  it('is read from beside the configuration, without the white space around', async () => {
    const { settings } = await settingsOf(
      'url_file = "../secrets/url"',
      {},
      { 'secrets/url': '\n postgres://a@b/c \n' },
    );
    expect(settings.database.url).toBe('postgres://a@b/c');
  });
  it.each([
    [
      'absent',
      {},
      './conf/sessionctl.toml:2: profiles.only.url_file: cannot read ./conf/absent: there is no such file',
    ],
    [
      '../conf',
      {},
      './conf/sessionctl.toml:2: profiles.only.url_file: cannot read ./conf: it is a directory',
    ],
    [
      'empty',
      { 'conf/empty': ' \n' },
      './conf/sessionctl.toml:2: profiles.only.url_file is empty, where a URL was expected',
    ],
    [
      'two',
      { 'conf/two': 'a\nb\n' },
      './conf/sessionctl.toml:2: profiles.only.url_file has several lines, where one URL was expected',
    ],
  ])('%s is refused', async (file, files, expected) => {
    expect(await complaintOf(`url_file = "${file}"`, {}, files)).toBe(expected);
  });
});

describe('url_command', () => {
  it('is run by the shell, beside the configuration, with the environment', async () => {
    const { settings } = await settingsOf(
      'url_command = "cat url | tr a-z A-Z; echo \\"$TAIL\\""',
      { TAIL: 'tail' },
      { 'conf/url': 'sqlite:head' },
    );
    expect(settings.database.url).toBe('SQLITE:HEADtail');
  });
  it.each([
    ['exit 7', 'failed with exit status 7'],
    ["echo 'the password is hunter2' >&2; exit 1", 'failed with exit status 1'],
    ['echo hunter2', 'is not a URL'],
    ['kill -9 $$', 'was ended by SIGKILL'],
    ['true', 'is empty, where a URL was expected'],
    ['echo a; echo b', 'has several lines, where one URL was expected'],
    ['yes', 'printed more than a URL can hold'],
  ])('%s is refused', async (command, reason) => {
    const complaint = await complaintOf(`url_command = ${JSON.stringify(command)}`);
    expect(complaint).toBe(`./conf/sessionctl.toml:2: profiles.only.url_command ${reason}`);
  });
  it('ends when the run is stopped', async () => {
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort('SIGTERM');
    }, 50);
    const { loading } = load('[profiles.a]\nurl_command = "sleep 20"\n', {}, { signal: stop.signal });
    await expect(loading).rejects.toThrow(/url_command cannot be run: The operation was aborted/);
  });
  it('is not run where --url names the database', async () => {
    const { loading } = load(
      '[profiles.a]\nurl_command = "exit 1"\n',
      {},
      { flags: { url: 'a.db', profile: 'a' } },
    );
    expect((await loading).settings.database.url).toBe('a.db');
  });
});

describe('secrets', () => {
  const url = `postgres://app:${encodeURIComponent(SECRETS.urlPassword)}@db/auth`;
  const profile = `url = "\${DATABASE_URL}"
tls.key = "key.pem"
redis.url = "redis://:\${REDIS_PASSWORD}@cache"
auth.secret = "\${SECRET}"
auth.former_secrets = ["\${FORMER}"]
`;
  const env = {
    DATABASE_URL: url,
    REDIS_PASSWORD: SECRETS.redisPassword,
    SECRET: SECRETS.secret,
    FORMER: SECRETS.former,
  };

  it('are known to the redactor, in every form', async () => {
    const { redactor } = await settingsOf(profile, env, { 'conf/key.pem': SECRETS.key });
    for (const secret of [...Object.values(SECRETS), url, encodeURIComponent(SECRETS.urlPassword)]) {
      expect(redactor.redact(`<${secret}>`)).toBe('<***>');
    }
  });

  it.each(['postgres://h/d?user=u&password=hunter22', 'mysql://u:pa@hunter22@h/d'])(
    'in %s are found',
    async (literal) => {
      const { redactor } = await settingsOf(`url = "${literal}"`);
      expect(redactor.redact(`said ${literal}`)).toBe('said ***');
      expect(redactor.redact('said hunter22')).toBe(literal.includes('?') ? 'said ***' : 'said hunter22');
    },
  );

  it.each([
    ['a password in url', 'url = "mysql://u:hunter2@h/d"', true],
    ['a password among parameters', 'url = "postgres://h/d?password=hunter2"', true],
    ['a password in replicas', 'url = "mysql://h/d"\nreplicas = ["mysql://r", "mysql://u:hunter2@s"]', true],
    ['a password in redis.url', 'url = "a.db"\nredis.url = "redis://:hunter2@h"', true],
    ['auth.secret', 'url = "a.db"\nauth.secret = "hunter2"', true],
    ['auth.former_secrets', 'url = "a.db"\nauth.former_secrets = ["hunter2"]', true],
    [
      'a reference in their place',
      'url = "mysql://u:${P}@h/d"\nredis.url = "redis://:${P}@h"\nauth.secret = "${P}"',
      false,
    ],
    ['a URL without a password', 'url = "mysql://u@h/d"', false],
  ])('others can read: %s', async (_title, text, isSecret) => {
    const directory = temporaryDirectory();
    const path = directory.write("it's.toml", `[profiles.a]\n${text}\n`, 0o640);
    const run = () =>
      runMain(['--config', path, 'config', 'show'], { cwd: directory.path, env: { P: 'hunter2' } });
    const warning = `warning: ${path} contains a secret and others can read it; fix it with: chmod 600 '${path.replace("'", String.raw`'\''`)}'\n`;
    expect((await run()).stderr).toBe(isSecret ? warning : '');
    directory.write("it's.toml", `[profiles.a]\n${text}\n`, 0o600);
    expect((await run()).stderr).toBe('');
  });
});
