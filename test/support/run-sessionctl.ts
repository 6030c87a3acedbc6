import { spawn } from 'node:child_process';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { sessionctlBinary } from './binary.ts';

export interface RunOptions {
  /** On top of a bare environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** As this user; only root may ask for another one. */
  readonly uid?: number;
}

export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const home = mkdtempSync(join(inject('temporaryDirectory'), 'home-'));

/** Where a run starts and looks for its configuration: an empty directory of the test file's own. */
export const emptyDirectory = home;

export const binaryPath = fileURLToPath(sessionctlBinary);

/** What every run of the program gets: nothing of the developer's own settings. */
export const bareEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  XDG_CONFIG_HOME: join(home, '.config'),
  // One for all, as it would be on any machine by the second run.
  XDG_CACHE_HOME: join(inject('temporaryDirectory'), 'cache'),
};

const NOBODY = 65_534;

/** Root reads and writes where nobody else may, so as root the program runs as nobody, where nobody can reach it. */
export const unprivileged: RunOptions =
  process.getuid?.() === 0 && anybodyReaches(binaryPath) ? { uid: NOBODY, cwd: '/' } : {};

/** Permissions mean nothing to this run: it is root's, and the program lies where only root can read it. */
export const isAllPowerful = process.getuid?.() === 0 && unprivileged.uid === undefined;

function anybodyReaches(path: string): boolean {
  const parent = dirname(path);
  return parent === path || ((statSync(parent).mode & 0o001) !== 0 && anybodyReaches(parent));
}

/** Runs the real binary to its end. */
export async function runSessionctl(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return runProgram(process.execPath, [binaryPath, ...args], options);
}

/** Runs any program in the bare environment, such as a shell with a pipe in it. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawn(file, args, {
    cwd: options.cwd ?? home,
    env: { ...bareEnvironment, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return {
    code,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}

/** What sessionctl has to be told about a database that it cannot find out itself. */
export interface TestProfile {
  readonly timeZone?: string;
  readonly databaseSchema?: string;
  readonly table?: string;
  readonly userTable?: string;
  readonly columns?: Readonly<Record<string, string>>;
  readonly userColumns?: Readonly<Record<string, string>>;
  readonly connectTimeout?: string;
  readonly statementTimeout?: string;
  /** The application keeps the rows of ended sessions as records. */
  readonly preserveInDatabase?: boolean;
  readonly disableRefresh?: boolean;
  readonly deferRefresh?: boolean;
  /** How long browsers believe their own copy of a session. */
  readonly cookieCacheMaxAge?: string;
  readonly cookieCacheStrategy?: string;
  /** The profile does not say whether the application uses a cookie cache or Redis. */
  readonly undeclared?: boolean;
  /** What the application's `cookieCache.version` says. */
  readonly cookieCacheVersion?: string;
  /** What the application signs its cookies with, and how it calls them. */
  readonly auth?: AuthProfile;
  /** What the application's `session.expiresIn` says. */
  readonly expiresIn?: string;
  /** With secondary storage, the application keeps a row of each session beside it. */
  readonly storeInDatabase?: boolean;
  /** How many bits of an IPv6 address the application stores. */
  readonly ipv6Subnet?: number;
  /** The application's secondary storage. */
  readonly redis?: RedisProfile;
}

export interface AuthProfile {
  readonly secret?: string;
  readonly formerSecrets?: readonly string[];
  readonly baseUrl?: string;
  readonly cookiePrefix?: string;
  readonly release?: string;
  readonly jwtExpiresIn?: string;
}

/** What sessionctl has to be told about a Redis. */
export interface RedisProfile {
  /** With Sentinel, the host is the name of the master. */
  readonly url: string;
  readonly keyPrefix?: string;
  readonly cluster?: boolean;
  /** `host:port` of each. */
  readonly sentinels?: readonly string[];
  /** How long sessions have to stay gone. */
  readonly settle?: string;
  /** Paths to PEM files. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
}

let written = 0;

/** A line of TOML, or none. */
const text = (name: string, value: string | undefined) =>
  value === undefined ? [] : [`${name} = ${JSON.stringify(value)}`];

/** Writes a configuration whose only profile reads the URL from DATABASE_URL, and gives its path. */
export function writeConfig(profile: TestProfile): string {
  const table = (name: string, values: Readonly<Record<string, string>> | undefined) =>
    values === undefined
      ? []
      : [
          `${name} = { ${Object.entries(values)
            .flatMap(([key, value]) => text(key, value))
            .join(', ')} }`,
        ];
  const lines = [
    'default_profile = "test"',
    '[profiles.test]',
    'url = "${DATABASE_URL}"',
    ...text('time_zone', profile.timeZone),
    ...text('connect_timeout', profile.connectTimeout),
    ...text('statement_timeout', profile.statementTimeout),
    '[profiles.test.schema]',
    ...text('database_schema', profile.databaseSchema),
    ...text('table', profile.table),
    ...text('user_table', profile.userTable),
    ...table('columns', profile.columns),
    ...table('user_columns', profile.userColumns),
    '[profiles.test.session]',
    ...(profile.expiresIn === undefined ? [] : [`expires_in = "${profile.expiresIn}"`]),
    ...(profile.storeInDatabase === undefined
      ? []
      : [`store_in_database = ${String(profile.storeInDatabase)}`]),
    ...(profile.disableRefresh === true ? ['disable_refresh = true'] : []),
    ...(profile.deferRefresh === true ? ['defer_refresh = true'] : []),
    ...(profile.preserveInDatabase === true ? ['preserve_in_database = true'] : []),
    ...(profile.undeclared === true || profile.redis !== undefined ? [] : ['secondary_storage = false']),
    ...(profile.cookieCacheMaxAge === undefined
      ? profile.undeclared === true
        ? []
        : ['cookie_cache = { enabled = false }']
      : [
          `cookie_cache = { ${[
            'enabled = true',
            ...text('max_age', profile.cookieCacheMaxAge),
            ...text('strategy', profile.cookieCacheStrategy),
            ...text('version', profile.cookieCacheVersion),
          ].join(', ')} }`,
        ]),
    ...(profile.ipv6Subnet === undefined
      ? []
      : ['[profiles.test.ip]', `ipv6_subnet = ${String(profile.ipv6Subnet)}`]),
    ...(profile.auth === undefined ? [] : authLines(profile.auth)),
    ...(profile.redis === undefined ? [] : redisLines(profile.redis)),
  ];
  written += 1;
  const file = join(home, `config-${String(written)}.toml`);
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return file;
}

function authLines({
  secret,
  formerSecrets,
  baseUrl,
  cookiePrefix,
  release,
  jwtExpiresIn,
}: AuthProfile): readonly string[] {
  return [
    '[profiles.test.auth]',
    ...text('secret', secret),
    ...(formerSecrets === undefined ? [] : [`former_secrets = ${JSON.stringify(formerSecrets)}`]),
    ...text('base_url', baseUrl),
    ...text('cookie_prefix', cookiePrefix),
    ...text('release', release),
    ...text('jwt_expires_in', jwtExpiresIn),
  ];
}

function redisLines({ url, keyPrefix, cluster, sentinels, settle, tls }: RedisProfile): readonly string[] {
  return [
    '[profiles.test.redis]',
    ...text('url', url),
    ...text('key_prefix', keyPrefix),
    ...text('settle', settle),
    ...(cluster === true ? ['cluster = true'] : []),
    ...(sentinels === undefined ? [] : [`sentinels = ${JSON.stringify(sentinels)}`]),
    ...(tls === undefined
      ? []
      : ['[profiles.test.redis.tls]', ...Object.entries(tls).flatMap(([name, path]) => text(name, path))]),
  ];
}
