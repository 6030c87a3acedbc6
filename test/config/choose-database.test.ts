import { describe, expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const FILE = `default_profile = "production"

[profiles.production]
url = "sqlite:production.db"
time_zone = "Asia/Kolkata"
redis.url = "redis://production"

[profiles.staging]
url = "sqlite:staging.db"
time_zone = "America/New_York"
redis.url = "redis://staging"
`;

interface Shown {
  readonly url: unknown;
  readonly profile: unknown;
  readonly zone: unknown;
  readonly redis: unknown;
  readonly urlFrom: unknown;
}

interface Setting {
  readonly key: string;
  readonly value: unknown;
  readonly origin: { readonly kind: string; readonly name?: string };
}

const url = (name: string) => `sqlite:${name}.db`;
const fromFile = { urlFrom: 'file' };
const production = {
  url: url('production'),
  profile: 'production',
  zone: 'Asia/Kolkata',
  redis: 'redis://production',
  ...fromFile,
};
const staging = {
  url: url('staging'),
  profile: 'staging',
  zone: 'America/New_York',
  redis: 'redis://staging',
  ...fromFile,
};
const alone = { profile: null, zone: null, redis: null };

type Case = readonly [
  title: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  expected: Shown,
];

const ambientDatabase = { DATABASE_URL: url('ambient') };
const variables = { SESSIONCTL_DATABASE_URL: url('variable'), ...ambientDatabase };

const cases: readonly Case[] = [
  ['the default profile', [], {}, production],
  [
    'DATABASE_URL takes the place of the default profile',
    [],
    ambientDatabase,
    { ...alone, url: url('ambient'), urlFrom: 'DATABASE_URL' },
  ],
  [
    'the default profile of a file that --config names beats DATABASE_URL',
    ['--config', 'sessionctl.toml'],
    ambientDatabase,
    production,
  ],
  [
    'the default profile of a file that SESSIONCTL_CONFIG names beats DATABASE_URL',
    [],
    { ...ambientDatabase, SESSIONCTL_CONFIG: 'sessionctl.toml' },
    production,
  ],
  [
    'SESSIONCTL_DATABASE_URL beats a file that --config names',
    ['--config', 'sessionctl.toml'],
    variables,
    { ...alone, url: url('variable'), urlFrom: 'SESSIONCTL_DATABASE_URL' },
  ],
  [
    'SESSIONCTL_PROFILE beats DATABASE_URL',
    [],
    { ...ambientDatabase, SESSIONCTL_PROFILE: 'staging' },
    staging,
  ],
  [
    'SESSIONCTL_DATABASE_URL beats DATABASE_URL',
    [],
    variables,
    { ...alone, url: url('variable'), urlFrom: 'SESSIONCTL_DATABASE_URL' },
  ],
  [
    'SESSIONCTL_DATABASE_URL beats the URL of SESSIONCTL_PROFILE, and takes its other settings',
    [],
    { ...variables, SESSIONCTL_PROFILE: 'staging' },
    { ...staging, url: url('variable'), urlFrom: 'SESSIONCTL_DATABASE_URL' },
  ],
  ['--profile beats SESSIONCTL_DATABASE_URL', ['--profile', 'staging'], variables, staging],
  [
    '--profile beats SESSIONCTL_PROFILE',
    ['--profile', 'staging'],
    { SESSIONCTL_PROFILE: 'production' },
    staging,
  ],
  [
    '--url beats every variable and takes nothing of the default profile',
    ['--url', url('flag')],
    variables,
    { ...alone, url: url('flag'), urlFrom: '--url' },
  ],
  [
    '--url with --profile takes the other settings',
    ['--url', url('flag'), '--profile', 'staging'],
    variables,
    { ...staging, url: url('flag'), urlFrom: '--url' },
  ],
  [
    '--url with SESSIONCTL_PROFILE takes the other settings',
    ['--url', url('flag')],
    { SESSIONCTL_PROFILE: 'staging' },
    { ...staging, url: url('flag'), urlFrom: '--url' },
  ],
  [
    'an empty variable is unset',
    [],
    { SESSIONCTL_DATABASE_URL: '', SESSIONCTL_PROFILE: '', DATABASE_URL: '', SESSIONCTL_TIME_ZONE: '' },
    production,
  ],
  [
    'SESSIONCTL_TIME_ZONE beats the profile',
    [],
    { SESSIONCTL_TIME_ZONE: 'Europe/Berlin' },
    { ...production, zone: 'Europe/Berlin' },
  ],
  [
    '--time-zone beats SESSIONCTL_TIME_ZONE',
    ['--time-zone', '+0530'],
    { SESSIONCTL_TIME_ZONE: 'Europe/Berlin' },
    { ...production, zone: '+05:30' },
  ],
  [
    '--time-zone goes with a bare --url',
    ['--url', url('flag'), '--time-zone', 'z'],
    {},
    { ...alone, zone: 'UTC', url: url('flag'), urlFrom: '--url' },
  ],
  [
    'SESSIONCTL_REDIS_URL beats the profile',
    [],
    { SESSIONCTL_REDIS_URL: 'redis://other' },
    { ...production, redis: 'redis://other' },
  ],
  [
    'SESSIONCTL_REDIS_URL goes with a bare --url',
    ['--url', url('flag')],
    { SESSIONCTL_REDIS_URL: 'redis://other' },
    { ...alone, url: url('flag'), urlFrom: '--url', redis: 'redis://other' },
  ],
];

async function shown(argv: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
  const outcome = await runMain([...argv, 'config', 'show', '--json'], { cwd, env });
  expect(outcome.code, outcome.stderr).toBe(0);
  const { settings } = JSON.parse(outcome.stdout) as { readonly settings: readonly Setting[] };
  const of = (key: string) => settings.find((setting) => setting.key === key);
  const origin = of('url')?.origin;
  const values: Shown = {
    url: of('url')?.value,
    profile: of('profile')?.value,
    zone: of('time_zone')?.value,
    redis: of('redis.url')?.value,
    urlFrom: origin?.name ?? origin?.kind,
  };
  return { values, stderr: outcome.stderr };
}

describe('where the database comes from', () => {
  it.each(cases)('%s', async (_title, argv, env, expected) => {
    const directory = temporaryDirectory();
    directory.write('sessionctl.toml', FILE);
    expect((await shown(argv, directory.path, env)).values).toEqual(expected);
  });

  it('asks which profile is meant where a file that --config names has several and no default', async () => {
    const directory = temporaryDirectory();
    directory.write('two.toml', FILE.replace(/^default_profile.*$/m, ''));
    const words = ['--config', 'two.toml', 'config', 'show', '--json'];
    const { code, stderr } = await runMain(words, { cwd: directory.path, env: ambientDatabase });
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(/production, staging|--profile/);
  });

  it('says that DATABASE_URL is used in place of the default profile, and only then', async () => {
    const directory = temporaryDirectory();
    const path = directory.write('sessionctl.toml', FILE);
    const warned = await shown([], directory.path, ambientDatabase);
    expect(warned.stderr).toBe(
      `warning: using DATABASE_URL, not profile "production" of ${path}; to use the profile, name it with --profile\n`,
    );
    expect((await shown(['--profile', 'production'], directory.path, ambientDatabase)).stderr).toBe('');
    expect((await shown(['--url', 'x.db'], directory.path, ambientDatabase)).stderr).toBe('');
  });

  it('uses the default profile where its url is DATABASE_URL itself', async () => {
    const directory = temporaryDirectory();
    directory.write('sessionctl.toml', '[profiles.main]\nurl = "${DATABASE_URL}"\ntime_zone = "UTC"\n');
    const { values, stderr } = await shown([], directory.path, ambientDatabase);
    expect(values).toEqual({
      url: url('ambient'),
      profile: 'main',
      zone: 'UTC',
      redis: null,
      urlFrom: 'file',
    });
    expect(stderr).toBe('');
  });

  it('uses the only profile of a file', async () => {
    const directory = temporaryDirectory();
    directory.write('sessionctl.toml', '[profiles.main]\nurl = "a.db"\n');
    expect((await shown([], directory.path, {})).values).toMatchObject({ profile: 'main', url: 'a.db' });
  });

  it('does not look at a file when a URL alone is given: not even a broken one disturbs', async () => {
    const directory = temporaryDirectory();
    directory.write('sessionctl.toml', 'this is not TOML');
    expect((await shown(['--url', 'a.db'], directory.path, {})).values).toMatchObject({ url: 'a.db' });
  });
});

describe('which file counts', () => {
  const profile = (name: string) => `[profiles.${name}]\nurl = "${name}.db"\n`;

  it('takes the nearest parent, then the directory of the user, and merges nothing', async () => {
    const directory = temporaryDirectory();
    const env = { HOME: `${directory.path}/home` };
    const cwd = `${directory.path}/a/b`;
    directory.write('a/b/placeholder', '');
    directory.write('home/.config/sessionctl/config.toml', profile('home'));
    expect((await shown([], cwd, env)).values).toMatchObject({ profile: 'home' });
    directory.write('xdg/sessionctl/config.toml', profile('xdg'));
    const xdg = { ...env, XDG_CONFIG_HOME: `${directory.path}/xdg` };
    expect((await shown([], cwd, xdg)).values).toMatchObject({ profile: 'xdg' });
    expect((await shown([], cwd, { ...env, XDG_CONFIG_HOME: 'xdg' })).values).toMatchObject({
      profile: 'home',
    });
    directory.write('sessionctl.toml', profile('parent'));
    expect((await shown([], cwd, xdg)).values).toMatchObject({ profile: 'parent' });
    directory.write('a/b/sessionctl.toml', profile('here'));
    expect((await shown([], cwd, xdg)).values).toMatchObject({ profile: 'here' });
    directory.write('variable.toml', profile('variable'));
    const named = { ...xdg, SESSIONCTL_CONFIG: `${directory.path}/variable.toml` };
    expect((await shown([], cwd, named)).values).toMatchObject({ profile: 'variable' });
    directory.write('flag.toml', profile('flag'));
    expect((await shown(['--config', '../../flag.toml'], cwd, named)).values).toMatchObject({
      profile: 'flag',
    });
  });

  it.each([
    ['--config', ['--config', 'absent.toml'], {}],
    ['SESSIONCTL_CONFIG', [], { SESSIONCTL_CONFIG: 'absent.toml' }],
  ] as const)(
    'refuses a file named by %s that is not there, and looks at no other',
    async (by, argv, env) => {
      const directory = temporaryDirectory();
      directory.write('sessionctl.toml', FILE);
      const outcome = await runMain([...argv, '--url', 'a.db', 'config', 'show'], {
        cwd: directory.path,
        env,
      });
      expect(outcome).toEqual({
        code: 3,
        stdout: '',
        stderr: `error: there is no configuration file ${directory.path}/absent.toml\nhint: It was named by ${by}; no other file is used.\n`,
      });
    },
  );
});

describe('when nothing says which database', () => {
  const fails = async (
    argv: readonly string[],
    file: string | null,
    env: Readonly<Record<string, string>> = {},
  ) => {
    const directory = temporaryDirectory();
    if (file !== null) directory.write('sessionctl.toml', file);
    const outcome = await runMain([...argv, 'list'], { cwd: directory.path, env });
    expect(outcome.stdout).toBe('');
    return { code: outcome.code, stderr: outcome.stderr.replaceAll(directory.path, '.') };
  };

  it('names the ways to say it', async () => {
    expect(await fails([], null)).toMatchInlineSnapshot(`
      {
        "code": 3,
        "stderr": "error: no database is configured
      hint: Create a configuration with \`sessionctl config init\`, name a database with \`--url <url>\`, or make one to try with \`sessionctl demo\`.
      ",
      }
    `);
  });
  it('names XDG_CONFIG_HOME where it is a relative path, and what is used in its place', async () => {
    const home = temporaryDirectory();
    const env = { XDG_CONFIG_HOME: 'xdg', HOME: home.path };
    const warning = `XDG_CONFIG_HOME is a relative path and is ignored: ${home.path}/.config is used instead`;
    expect((await fails([], null, env)).stderr).toContain(
      `hint: ${warning}. Create a configuration with \`sessionctl config init\``,
    );
    expect((await fails(['--profile', 'live'], null, env)).stderr).toContain(
      `hint: ${warning}. Searched for`,
    );
    const inHome = { cwd: home.path, env };
    expect((await runMain(['config', 'path'], inHome)).stderr).toContain(`hint: ${warning}.`);

    home.write('.config/sessionctl/config.toml', FILE);
    const everywhere = [
      ['config', 'show'],
      ['config', 'path'],
      ['config', 'check'],
    ];
    for (const words of everywhere) {
      const { code, stderr } = await runMain(words, inHome);
      expect({ code, stderr }, words[1]).toEqual({ code: 0, stderr: `warning: ${warning}\n` });
    }
    home.write('sessionctl.toml', FILE);
    for (const words of everywhere)
      expect((await runMain(words, inHome)).stderr, 'where it is not looked at').toBe('');
    expect(await runMain(['config', 'path'], { ...inHome, env: { XDG_CONFIG_HOME: '/x' } })).toMatchObject({
      stderr: '',
    });
  });
  it('lists several profiles without a default', async () => {
    expect(await fails([], FILE.replace(/^default_profile.*$/m, ''))).toMatchInlineSnapshot(`
      {
        "code": 3,
        "stderr": "error: ./sessionctl.toml has several profiles and no default_profile: "production", "staging"
      hint: Name one with --profile, or set default_profile.
      ",
      }
    `);
  });
  it('offers the nearest profile', async () => {
    expect(await fails(['--profile', 'stagin'], FILE)).toMatchInlineSnapshot(`
      {
        "code": 3,
        "stderr": "error: there is no profile "stagin" (flag --profile) in ./sessionctl.toml
      hint: Did you mean "staging"? It has "production", "staging".
      ",
      }
    `);
    expect(await fails([], FILE, { SESSIONCTL_PROFILE: 'live' })).toMatchInlineSnapshot(`
      {
        "code": 3,
        "stderr": "error: there is no profile "live" (variable SESSIONCTL_PROFILE) in ./sessionctl.toml
      hint: It has "production", "staging".
      ",
      }
    `);
  });
  it('does not show what may be a token, in a sentence all the same', async () => {
    const secret = 'abcdefghijklmnopqrstuvwxyz012345';
    for (const file of [FILE, null]) {
      const { stderr } = await fails(['--profile', secret], file);
      expect(stderr).toMatch(/^error: there is no such profile \(flag --profile\)(?: in|, since)/);
      expect(stderr).not.toContain(secret);
    }
  });
  it('says that there is no file to find a profile in', async () => {
    const { code, stderr } = await fails(['--profile', 'staging'], null);
    expect(code).toBe(3);
    expect(stderr).toContain(
      'there is no profile "staging" (flag --profile), since there is no configuration file',
    );
  });
  it.each(['--url', '--profile', '--config', '--time-zone'])('refuses an empty %s', async (option) => {
    const outcome = await fails([option, ''], FILE);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(`error: ${option} was given an empty value\n`);
  });
  it('refuses a time zone that is none, the flag as usage and the variable as configuration', async () => {
    expect(await fails(['--time-zone', 'Europe/Berln'], FILE)).toEqual({
      code: 2,
      stderr: 'error: --time-zone: "Europe/Berln" is not a time zone\nhint: Did you mean "Europe/Berlin"?\n',
    });
    expect(await fails([], FILE, { SESSIONCTL_TIME_ZONE: '+25:00' })).toEqual({
      code: 3,
      stderr:
        'error: SESSIONCTL_TIME_ZONE: "+25:00" is not a time zone\nhint: Write an IANA name or an offset: UTC, Europe/Berlin, +05:30.\n',
    });
  });
});
