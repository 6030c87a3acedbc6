import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const FILE = `[profiles.production]
url = "\${DATABASE_URL}"
statement_timeout = "30s"
tls.ca = "ca.pem"
schema.columns.userId = "owner"
redis.url = "redis://:\${REDIS_PASSWORD}@cache:6379"
redis.key_prefix = ""
session.expires_in = "4w"
auth.secret = "\${SECRET}"
`;
const env = {
  DATABASE_URL: 'postgres://app:hunter2@db/auth?sslpassword=hunter3',
  REDIS_PASSWORD: 'hunter4',
  SECRET: 'hunter5',
};

describe('config show', () => {
  const show = async (argv: readonly string[], more: Readonly<Record<string, string>> = {}) => {
    const directory = temporaryDirectory();
    directory.write('sessionctl.toml', FILE);
    directory.write('ca.pem', 'CA');
    const outcome = await runMain(['config', 'show', ...argv], {
      cwd: directory.path,
      env: { ...env, ...more },
    });
    expect(outcome.stdout + outcome.stderr).not.toMatch(/hunter/);
    return { ...outcome, stdout: outcome.stdout.replaceAll(directory.path, '.'), directory: directory.path };
  };

  it('shows every setting, what it is and where it came from, but no secret', async () => {
    const { code, stdout, stderr } = await show([], { SESSIONCTL_TIME_ZONE: 'Asia/Kolkata' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatchInlineSnapshot(`
      "SETTING                        VALUE                                       FROM
      profile                        production                                  ./sessionctl.toml:1
      url                            postgres://app:***@db/auth?sslpassword=***  ./sessionctl.toml:2
      env_file                       -                                           default
      time_zone                      Asia/Kolkata                                variable SESSIONCTL_TIME_ZONE
      statement_timeout              30s                                         ./sessionctl.toml:3
      connect_timeout                10s                                         default
      replicas                       -                                           default
      tls.ca                         ca.pem                                      ./sessionctl.toml:4
      tls.cert                       -                                           default
      tls.key                        -                                           default
      tls.reject_unauthorized        true                                        default
      schema.database_schema         -                                           default
      schema.table                   -                                           default
      schema.user_table              -                                           default
      schema.columns.userId          owner                                       ./sessionctl.toml:5
      schema.verification_table      -                                           default
      redis.url                      redis://:***@cache:6379                     ./sessionctl.toml:6
      redis.key_prefix               ""                                          ./sessionctl.toml:7
      redis.tls                      -                                           default
      redis.cluster                  false                                       default
      redis.sentinels                -                                           default
      redis.sentinel_password        -                                           default
      redis.settle                   2s                                          default
      session.expires_in             28d                                         ./sessionctl.toml:8
      session.update_age             1d                                          default
      session.fresh_age              1d                                          default
      session.disable_refresh        false                                       default
      session.defer_refresh          false                                       default
      session.cookie_cache.enabled   false                                       default
      session.cookie_cache.max_age   5m                                          default
      session.cookie_cache.strategy  compact                                     default
      session.cookie_cache.version   1                                           default
      session.secondary_storage      -                                           default
      session.store_in_database      false                                       default
      session.preserve_in_database   false                                       default
      session.maximum_sessions       -                                           default
      ip.ipv6_subnet                 64                                          default
      auth.secret                    ***                                         ./sessionctl.toml:9
      auth.former_secrets            -                                           default
      auth.base_url                  -                                           default
      auth.cookie_prefix             -                                           default
      auth.release                   -                                           default
      auth.jwt_expires_in            -                                           default
      "
    `);
  });

  it('shows each replica, and no password', async () => {
    const directory = temporaryDirectory();
    directory.write(
      'sessionctl.toml',
      '[profiles.a]\nurl = "mysql://h/d"\nreplicas = [\n"mysql://u:hunter2@one",\n"${TWO}"]\n',
    );
    const outcome = await runMain(['config', 'show'], {
      cwd: directory.path,
      env: { TWO: 'mariadb://two/d?password=hunter3' },
    });
    const shown = outcome.stdout.split('\n').filter((line) => line.startsWith('replicas'));
    expect(shown.map((line) => line.replaceAll(directory.path, '.').split(/ +/))).toEqual([
      ['replicas.0', 'mysql://u:***@one', './sessionctl.toml:3'],
      ['replicas.1', 'mariadb://two/d?password=***', './sessionctl.toml:3'],
    ]);
  });

  it('gives the same to scripts', async () => {
    const { stdout } = await show(['--json', '--time-zone', 'UTC']);
    const { path, settings } = JSON.parse(stdout) as {
      readonly path: string;
      readonly settings: readonly { readonly key: string }[];
    };
    expect(path).toBe('./sessionctl.toml');
    const of = (key: string) => settings.find((setting) => setting.key === key);
    expect(of('url')).toEqual({
      key: 'url',
      value: 'postgres://app:***@db/auth?sslpassword=***',
      origin: { kind: 'file', path: './sessionctl.toml', line: 2 },
    });
    expect(of('time_zone')).toEqual({
      key: 'time_zone',
      value: 'UTC',
      origin: { kind: 'flag', name: '--time-zone' },
    });
    expect(of('session.maximum_sessions')).toEqual({
      key: 'session.maximum_sessions',
      value: null,
      origin: { kind: 'default' },
    });
    expect(of('auth.secret')).toMatchObject({ value: '***' });
  });

  it.each(['show', 'path', 'check', 'init'])('config %s refuses formats for lists', async (command) => {
    const outcome = await runMain(['config', command, '-o', 'csv']);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('"csv" is not a format here');
  });
});

describe('config path', () => {
  it('prints the path and nothing else', async () => {
    const directory = temporaryDirectory();
    const path = directory.write('sessionctl.toml', 'not even TOML');
    directory.write('a/placeholder', '');
    const cwd = `${directory.path}/a`;
    expect(await runMain(['config', 'path'], { cwd })).toEqual({ code: 0, stdout: `${path}\n`, stderr: '' });
    expect(JSON.parse((await runMain(['config', 'path', '--json'], { cwd })).stdout)).toEqual({ path });
  });

  it('lists the places that were searched where there is none', async () => {
    const { path: cwd } = temporaryDirectory();
    const outcome = await runMain(['config', 'path'], { cwd, env: { HOME: '/home/nobody' } });
    expect(outcome).toMatchObject({ code: 3, stdout: '' });
    const lines = outcome.stderr.split('\n');
    expect(lines[0]).toBe('error: there is no configuration file; searched for');
    expect(lines).toContain(`${cwd}/sessionctl.toml`);
    expect(lines).toContain('/sessionctl.toml');
    expect(lines).toContain('/home/nobody/.config/sessionctl/config.toml');
    expect(lines.at(-2)).toBe('hint: Create one with `sessionctl config init`.');
  });
});

describe('a url_command', () => {
  const shown = async (...argv: readonly string[]) => {
    const directory = temporaryDirectory();
    directory.write(
      'sessionctl.toml',
      '[profiles.a]\nurl_command = "touch was-run; echo sqlite:auth.db"\nreplicas = []\n',
    );
    const outcome = await runMain(['config', 'show', ...argv], { cwd: directory.path });
    return { ...outcome, wasRun: existsSync(`${directory.path}/was-run`) };
  };

  it('is not run to look at the configuration', async () => {
    const { code, stdout, stderr, wasRun } = await shown();
    expect({ code, wasRun }).toEqual({ code: 0, wasRun: false });
    expect(stdout).toMatch(/^url +- +\S+sessionctl\.toml:2$/m);
    expect(stderr).toBe('url_command was not run: --resolve runs it and shows the URL\n');
  });

  it('is run where that is asked for', async () => {
    const { code, stdout, stderr, wasRun } = await shown('--resolve');
    expect({ code, stderr, wasRun }).toEqual({ code: 0, stderr: '', wasRun: true });
    expect(stdout).toMatch(/^url +sqlite:auth\.db /m);
  });
});
