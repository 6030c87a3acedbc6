import { dirname } from 'node:path';
import { ConfigError } from '../errors.ts';
import type { Redactor } from '../redaction.ts';
import { formatDuration, parseDuration } from '../sessions/duration.ts';
import type { System } from '../system.ts';
import type { CheckedProfile, CheckedTls } from './checked-file.ts';
import { environmentOf, type Environment } from './environment.ts';
import type { Origin } from './origin.ts';
import { describeProblem } from './problem.ts';
import { complaintAboutReplicasOf, replicasHint } from './replica-urls.ts';
import type {
  AuthSettings,
  DatabaseSettings,
  RedisSettings,
  SchemaNames,
  SessionSettings,
  Settings,
  SettingsFlags,
  TlsSettings,
} from './settings.ts';
import { timeZoneForRun } from './time-zone.ts';
import type { KeyPath } from './toml-document.ts';
import { contradictoryRedis } from './without-redis.ts';
import { isShownParameter, LIBPQ_VARIABLES } from './url-parameters.ts';
import { isPlainUrl, maskPasswords, passwordsIn } from './url-secrets.ts';
import {
  type SettingEntry,
  type ProfileInUse,
  type Ledger,
  createLedger,
  asItIs,
  originIn,
  labelOf,
} from './settings-ledger.ts';
import { urlFromFile, oneLine, fileText } from './file-text.ts';
import { defaultOrigin } from './settings-ledger.ts';

export interface Ingredients {
  readonly system: System;
  readonly flags: SettingsFlags;
  readonly redactor: Redactor;
  /** False leaves the URL empty where only a `url_command` provides it. */
  readonly runsCommands: boolean;
  /** A database given by its URL, outside of any profile; null takes the profile's. */
  readonly givenUrl: { readonly url: string; readonly origin: Origin } | null;
  /** Null leaves everything except the database at the defaults. */
  readonly profile: ProfileInUse | null;
}

/**
 * better-auth 1.7, `session` options; the timeouts are sessionctl's own. Better Auth itself does not limit the sessions
 * of a user: the `maximumSessions` of its multi-session plugin applies to one browser, so it is not a default here.
 */
const defaults = {
  statementTimeout: parseDuration('60s'),
  connectTimeout: parseDuration('10s'),
  expiresIn: parseDuration('7d'),
  updateAge: parseDuration('1d'),
  freshAge: parseDuration('1d'),
  cookieCacheMaxAge: parseDuration('5m'),
  cookieCacheVersion: '1',
  ipv6Subnet: 64,
  keyPrefix: 'better-auth:',
  settle: parseDuration('2s'),
} as const;

const MASK = '***';
/**
 * Resolves files, commands, flags, variables and defaults to complete settings. Every secret is given to the redactor
 * before an error can contain it.
 * @throws ConfigError where a file cannot be read, a command fails, or a variable of the environment is invalid
 * @throws InvalidValueError where a flag is invalid
 */
export async function assembleSettings(
  ingredients: Ingredients,
): Promise<{ readonly settings: Settings; readonly entries: readonly SettingEntry[] }> {
  const { system, redactor, givenUrl, profile } = ingredients;
  const env = environmentOf(system.env);
  const ledger = createLedger(profile);
  const { checked } = profile ?? {};

  ledger.record('profile', profile?.name ?? null, profile?.origin ?? defaultOrigin);
  const { url, origin } = givenUrl ?? (await profileUrl(ingredients));
  protectUrl(url, redactor);
  ledger.record('url', url === '' ? null : maskPasswords(url), origin);
  ledger.take(['env_file'], checked?.env_file, null, asItIs);
  const database: DatabaseSettings = {
    profile: profile?.name ?? null,
    url,
    timeZone: timeZone(ingredients, ledger),
    statementTimeout: ledger.length(
      ['statement_timeout'],
      checked?.statement_timeout,
      defaults.statementTimeout,
    ),
    connectTimeout: ledger.length(['connect_timeout'], checked?.connect_timeout, defaults.connectTimeout),
    replicas: replicaUrls(url, ledger, ingredients),
    tls: await tlsSettings(['tls'], checked?.tls, ledger, ingredients),
    schema: schemaNames(checked?.schema, ledger),
    cwd: givenUrl === null && profile !== null ? dirname(profile.document.path) : system.cwd,
    ...libpqVariables(url, env, ledger, redactor),
  };
  const redis = await redisSettings(env, ledger, ingredients);
  const settings: Settings = {
    database,
    redis,
    session: sessionSettings(checked?.session, redis !== null, ledger),
    ip: {
      ipv6Subnet: ledger.take(['ip', 'ipv6_subnet'], checked?.ip?.ipv6_subnet, defaults.ipv6Subnet, asItIs),
    },
    auth: authSettings(checked?.auth, ledger, redactor),
  };
  return { settings, entries: ledger.entries };
}

async function profileUrl(
  ingredients: Ingredients,
): Promise<{ readonly url: string; readonly origin: Origin }> {
  const { profile, system } = ingredients;
  if (profile === null) throw new Error('a database comes from a URL or from a profile');
  const { checked, document } = profile;
  if (checked.url !== undefined) return { url: checked.url, origin: originIn(profile, ['url']) };
  if (checked.url_file !== undefined) return urlFromFile(['url_file'], checked.url_file, profile);
  if (!ingredients.runsCommands) return { url: '', origin: originIn(profile, ['url_command']) };
  const label = labelOf(['url_command'], profile);
  const { commandOutput } = await import('./command-output.ts');
  const surroundings = { system, directory: dirname(document.path) };
  const output = await commandOutput(label, checked.url_command ?? '', surroundings);
  return { url: oneLine(label, output), origin: originIn(profile, ['url_command']) };
}

/** libpq's variables, which fill in what a PostgreSQL URL omits. */
function libpqVariables(
  url: string,
  env: Environment,
  ledger: Ledger,
  redactor: Redactor,
): Pick<DatabaseSettings, 'variables'> {
  if (!/^postgres(?:ql)?:/i.test(url)) return {};
  const variables = Object.entries(LIBPQ_VARIABLES).flatMap(([name, parameter]) => {
    const value = env(name);
    if (value === undefined) return [];
    const isShown = isShownParameter(parameter);
    if (!isShown) redactor.protect(value);
    ledger.record(name, isShown ? value : MASK, { kind: 'variable', name });
    return [[name, value] as const];
  });
  return variables.length === 0 ? {} : { variables: Object.fromEntries(variables) };
}

function protectUrl(url: string, redactor: Redactor): void {
  const passwords = passwordsIn(url);
  const isSecret = passwords.length > 0 || !isPlainUrl(url);
  for (const secret of isSecret ? [url, ...passwords] : []) redactor.protect(secret);
}

function timeZone(ingredients: Ingredients, ledger: Ledger): string | null {
  const { flags, system, profile } = ingredients;
  const said = timeZoneForRun(flags, system.env);
  if (said === undefined) return ledger.take(['time_zone'], profile?.checked.time_zone, null, asItIs);
  ledger.record('time_zone', said.zone, said.origin);
  return said.zone;
}

/**
 * @throws ConfigError where replicas are set, but the database in use, which may come from a file, a command or a flag,
 * has none to name
 */
function replicaUrls(url: string, ledger: Ledger, { profile, redactor }: Ingredients): readonly string[] {
  const given = profile?.checked.replicas?.filter((replica) => replica !== undefined) ?? [];
  if (profile === null || given.length === 0) {
    ledger.record('replicas', null, defaultOrigin);
    return [];
  }
  for (const [at, replica] of given.entries()) {
    protectUrl(replica, redactor);
    ledger.record(`replicas.${String(at)}`, maskPasswords(replica), ledger.placeOf(['replicas']));
  }
  const complaint = url === '' ? undefined : complaintAboutReplicasOf(url);
  if (complaint !== undefined)
    throw new ConfigError(`${labelOf(['replicas'], profile)} ${complaint}`, { hint: replicasHint });
  return given;
}

async function tlsSettings(
  keys: KeyPath,
  checked: CheckedTls | undefined,
  ledger: Ledger,
  { profile, redactor }: Ingredients,
): Promise<TlsSettings | null> {
  if (checked === undefined || profile === null) {
    ledger.record(keys.join('.'), null, defaultOrigin);
    return null;
  }
  const read = async (key: 'ca' | 'cert' | 'key') => {
    const path = ledger.take([...keys, key], checked[key] ?? undefined, null, asItIs);
    return path === null ? null : fileText([...keys, key], path, profile);
  };
  const [ca, cert, key] = [await read('ca'), await read('cert'), await read('key')];
  redactor.protect(key);
  return {
    ca,
    cert,
    key,
    rejectUnauthorized: ledger.take(
      [...keys, 'reject_unauthorized'],
      checked.reject_unauthorized,
      true,
      asItIs,
    ),
  };
}

function schemaNames(checked: CheckedProfile['schema'], ledger: Ledger): SchemaNames {
  const name = (key: 'database_schema' | 'table' | 'user_table' | 'verification_table') =>
    ledger.take(['schema', key], checked?.[key], null, asItIs);
  const columns = (key: 'columns' | 'user_columns' | 'verification_columns') => {
    const given = Object.entries(checked?.[key] ?? {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    for (const [field, column] of given)
      ledger.record(`schema.${key}.${field}`, column, ledger.placeOf(['schema', key, field]));
    return Object.fromEntries(given);
  };
  return {
    databaseSchema: name('database_schema'),
    table: name('table'),
    userTable: name('user_table'),
    columns: columns('columns'),
    userColumns: columns('user_columns'),
    verificationTable: name('verification_table'),
    verificationColumns: columns('verification_columns'),
  };
}

async function redisSettings(
  env: Environment,
  ledger: Ledger,
  ingredients: Ingredients,
): Promise<RedisSettings | null> {
  const { profile } = ingredients;
  const problem =
    profile === null ? null : contradictoryRedis(profile.name, profile.checked, profile.document, env);
  if (problem !== null && profile !== null)
    throw new ConfigError(describeProblem(profile.document.path, problem));
  const checked = profile?.checked.redis;
  const found = await redisUrl(env, profile);
  if (found === null) {
    ledger.record('redis.url', null, defaultOrigin);
    return null;
  }
  const { url, origin } = found;
  protectUrl(url, ingredients.redactor);
  ingredients.redactor.protect(checked?.sentinel_password);
  ledger.record('redis.url', maskPasswords(url), origin);
  return {
    url,
    keyPrefix: ledger.take(['redis', 'key_prefix'], checked?.key_prefix, defaults.keyPrefix, asItIs),
    tls: await tlsSettings(['redis', 'tls'], checked?.tls, ledger, ingredients),
    cluster: ledger.take(['redis', 'cluster'], checked?.cluster, false, asItIs),
    sentinels: ledger.take(
      ['redis', 'sentinels'],
      checked?.sentinels?.filter((sentinel) => sentinel !== undefined),
      [],
      (sentinels) => (sentinels.length === 0 ? null : sentinels.join(', ')),
    ),
    sentinelPassword: ledger.take(
      ['redis', 'sentinel_password'],
      checked?.sentinel_password,
      null,
      (password) => (password === null ? null : MASK),
    ),
    settle: ledger.length(['redis', 'settle'], checked?.settle, defaults.settle),
    connectTimeout: profile?.checked.connect_timeout ?? defaults.connectTimeout,
  };
}

async function redisUrl(
  env: Environment,
  profile: ProfileInUse | null,
): Promise<{ readonly url: string; readonly origin: Origin } | null> {
  const variable = env('SESSIONCTL_REDIS_URL');
  if (variable !== undefined)
    return { url: variable, origin: { kind: 'variable', name: 'SESSIONCTL_REDIS_URL' } };
  const { url, url_file: file } = profile?.checked.redis ?? {};
  if (profile === null) return null;
  if (file !== undefined) return urlFromFile(['redis', 'url_file'], file, profile);
  return url === undefined ? null : { url, origin: originIn(profile, ['redis', 'url']) };
}

function sessionSettings(
  checked: CheckedProfile['session'],
  hasRedis: boolean,
  ledger: Ledger,
): SessionSettings {
  const cache = checked?.cookie_cache;
  const switched = (
    key: 'disable_refresh' | 'defer_refresh' | 'store_in_database' | 'preserve_in_database',
  ) => ledger.take(['session', key], checked?.[key], false, asItIs);
  return {
    expiresIn: ledger.length(['session', 'expires_in'], checked?.expires_in, defaults.expiresIn),
    declaredExpiresIn: checked?.expires_in ?? null,
    updateAge: ledger.length(['session', 'update_age'], checked?.update_age, defaults.updateAge),
    freshAge: ledger.length(['session', 'fresh_age'], checked?.fresh_age, defaults.freshAge),
    disableRefresh: switched('disable_refresh'),
    deferRefresh: switched('defer_refresh'),
    cookieCache: {
      enabled: ledger.take(['session', 'cookie_cache', 'enabled'], cache?.enabled, false, asItIs),
      maxAge: ledger.length(
        ['session', 'cookie_cache', 'max_age'],
        cache?.max_age,
        defaults.cookieCacheMaxAge,
      ),
      strategy: ledger.take(['session', 'cookie_cache', 'strategy'], cache?.strategy, 'compact', asItIs),
      version: ledger.take(
        ['session', 'cookie_cache', 'version'],
        cache?.version,
        defaults.cookieCacheVersion,
        asItIs,
      ),
      isDeclared: cache !== undefined,
    },
    secondaryStorage:
      ledger.take(['session', 'secondary_storage'], checked?.secondary_storage, null, asItIs) ??
      (hasRedis ? true : null),
    storeInDatabase: switched('store_in_database'),
    preserveInDatabase: switched('preserve_in_database'),
    maximumSessions: ledger.take(['session', 'maximum_sessions'], checked?.maximum_sessions, null, asItIs),
  };
}

function authSettings(checked: CheckedProfile['auth'], ledger: Ledger, redactor: Redactor): AuthSettings {
  redactor.protect(checked?.secret);
  const formerSecrets = checked?.former_secrets?.filter((secret) => secret !== undefined);
  for (const secret of formerSecrets ?? []) redactor.protect(secret);
  return {
    secret: ledger.take(['auth', 'secret'], checked?.secret, null, (secret) =>
      secret === null ? null : MASK,
    ),
    formerSecrets: ledger.take(['auth', 'former_secrets'], formerSecrets, [], (secrets) =>
      secrets.length === 0 ? null : secrets.map(() => MASK).join(', '),
    ),
    baseUrl: ledger.take(['auth', 'base_url'], checked?.base_url, null, (url) =>
      url === null ? null : maskPasswords(url),
    ),
    cookiePrefix: ledger.take(['auth', 'cookie_prefix'], checked?.cookie_prefix, null, asItIs),
    release: ledger.take(['auth', 'release'], checked?.release, null, asItIs),
    jwtExpiresIn: ledger.take(['auth', 'jwt_expires_in'], checked?.jwt_expires_in, null, (length) =>
      length === null ? null : formatDuration(length),
    ),
  };
}
