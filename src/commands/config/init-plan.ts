import type { InitFlags, UrlSource } from './init-flags.ts';
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve, relative } from 'node:path';
import type { AuthReading, ReadUrl } from '../../config/auth-file/auth-reading.ts';
import { findUrls, redisOptions, type FoundUrl } from '../../config/find-urls.ts';
import { isExpandable } from '../../config/references.ts';
import type { DraftSetting, ProfileDraft } from '../../config/render-config.ts';
import type { Context } from '../../context.ts';
import { ConfigError, UsageError } from '../../errors.ts';
import { askForRedis, redisOrigin, redisSettings, type RedisAnswer } from './init-redis.ts';
import { withoutRefused } from './init-settings.ts';
import { urlSaid } from './init-source.ts';
import { filePath, isSetIn, placeOf, variable } from './init-variables.ts';

/** What to write, and where. */
export interface Plan {
  /** Absolute. */
  readonly path: string;
  readonly draft: ProfileDraft;
  /** The application's own configuration, where it was read. */
  readonly reading: AuthReading | null;
}

export const DEFAULT_PROFILE = 'default';
export const DEFAULT_FILE = 'sessionctl.toml';

/** @throws UsageError for an empty value or flags that contradict each other */
export async function rejectBadFlags(flags: InitFlags): Promise<void> {
  const { rejectEmpty } = await import('../../config/load.ts');
  rejectEmpty(flags);
  const given = {
    '--url-env': flags.urlEnv,
    '--env-file': flags.envFile,
    '--auth': flags.auth,
    '--redis-url-env': flags.redisUrlEnv,
    '--file': flags.file,
  };
  for (const [option, value] of Object.entries(given)) {
    if (value?.trim() === '')
      throw new UsageError(`${option} was given an empty value`, { hint: 'Remove the option.' });
  }
  if (flags.url !== undefined && flags.urlEnv !== undefined) {
    throw new UsageError('--url and --url-env cannot be combined', { hint: 'Give one of them.' });
  }
  if (flags.redisKeyPrefix !== undefined && flags.redisUrlEnv === undefined && flags.auth === undefined) {
    throw new UsageError('--redis-key-prefix needs --redis-url-env or --auth', {
      hint: 'Also give the URL of Redis.',
    });
  }
}

/**
 * Makes the plan from flags and from the application's configuration that they name.
 * @throws UsageError where they do not give the database's URL
 * @throws ConfigError where the file exists already or a variable is unset
 */
export async function planFromFlags(context: Context, flags: InitFlags): Promise<Plan> {
  const path = filePath(context, flags.file ?? flags.config ?? DEFAULT_FILE);
  await rejectExisting(path, flags);
  const timeZone = await timeZoneFromFlags(context, flags);
  const reading = flags.auth === undefined ? null : await readAuth(context, flags.auth);
  const { url, envFile: given } = await sourceFromFlags(context, flags, reading);
  const { settings: redis, envFile } = await redisFromFlags(context, flags, { url, envFile: given }, reading);
  const source = { url, envFile };
  const plan = { path, name: flags.profile ?? DEFAULT_PROFILE, timeZone, source, redis, reading };
  return assemblePlan(context, plan);
}

/** @throws ConfigError where it cannot be read */
export async function readAuth(context: Context, file: string): Promise<AuthReading> {
  const { readAuthFile } = await import('../../config/auth-file/read-auth-file.ts');
  const reading = await readAuthFile(filePath(context, file));
  for (const secret of reading.secrets) context.redactor.protect(secret);
  return reading;
}

async function sourceFromFlags(
  context: Context,
  flags: InitFlags,
  reading: AuthReading | null,
): Promise<UrlSource> {
  const envFile = flags.envFile ?? null;
  if (flags.urlEnv !== undefined) return { url: await variable(context, flags.urlEnv, envFile), envFile };
  if (flags.url !== undefined) return { url: { kind: 'literal', url: flags.url }, envFile };
  const said = reading?.database ?? null;
  if (said === null) {
    throw new UsageError('config init needs the URL of the database, and there is no terminal to ask on', {
      hint: 'Give --url-env <name> (better: the URL stays out of the file) or --url <url>.',
    });
  }
  const place = `${placeOf(context, reading)}:${String(said.line)}`;
  if (said.kind === 'literal') {
    throw new ConfigError(`${place} holds the database URL in plain text, which is not copied`, {
      hint: 'Move it into a variable and give --url-env <name>, or use --url <url> to write it into the file.',
    });
  }
  const url = await urlSaid(context, said, envFile);
  if (url !== null) return { url, envFile };
  throw new UsageError(`${place}: the database URL cannot be read: it ${whyUnread(said)}`, {
    hint: 'Give --url-env <name> (better: the URL stays out of the file) or --url <url>.',
  });
}

function whyUnread(said: ReadUrl): string {
  return said.kind === 'unread' ? said.why : 'is not a URL';
}

/** The place of the sessions in secondary storage, as settings; none where there is no such storage. */
async function redisFromFlags(
  context: Context,
  flags: InitFlags,
  source: UrlSource,
  reading: AuthReading | null,
): Promise<RedisAnswer> {
  const secondary = reading?.secondary ?? null;
  const { envFile } = source;
  if (secondary?.isCertain !== true && flags.redisUrlEnv === undefined) {
    const found = await findUrls(context.system);
    if (secondary !== null && context.mayPrompt) return askForRedis(context, flags, source, found, reading);
    if (reading === null) await tellOfRedis(context, found);
    return { settings: [], envFile };
  }
  const prefix = flags.redisKeyPrefix ?? secondary?.keyPrefix ?? (secondary === null ? 'better-auth:' : null);
  const url =
    flags.redisUrlEnv !== undefined
      ? `\${${(await variable(context, flags.redisUrlEnv, flags.envFile ?? null, '--redis-url-env')).name}}`
      : secondary?.url.kind === 'reference'
        ? secondary.url.text
        : null;
  if (url === null || prefix === null) {
    const what = url === null ? 'its URL' : 'its key prefix';
    throw new ConfigError(
      `${redisOrigin(context, reading)}: the application keeps sessions in secondary storage, and ${what} cannot be read`,
      {
        hint: `Without it these sessions would stay valid, unseen. Give ${url === null ? '--redis-url-env <name>' : '--redis-key-prefix <prefix>'}.`,
      },
    );
  }
  return { settings: redisSettings(context, reading, url, prefix), envFile };
}

/** No prompt is possible, and nothing shows what a Redis that was found is for. */
async function tellOfRedis(context: Context, found: readonly FoundUrl[]): Promise<void> {
  const redis = found.find(({ kind }) => kind === 'redis');
  if (redis === undefined) return;
  const { name, envFile } = redis;
  await context.warn(
    `${name} in ${envFile ?? 'the environment'} is not used: if the application keeps sessions there (secondaryStorage), run this again with ${redisOptions(found) ?? ''}, or they stay valid when they are revoked`,
  );
}

/** The parts of a plan. */
export interface PlanParts {
  readonly path: string;
  readonly name: string;
  readonly timeZone: string | null;
  readonly source: UrlSource;
  readonly redis: readonly DraftSetting[];
  readonly reading: AuthReading | null;
}

/** Puts a plan together: paths as the file will read them, and all settings of the application that can take effect. */
export async function assemblePlan(context: Context, parts: PlanParts): Promise<Plan> {
  const { path, name, source, redis, reading } = parts;
  const { cwd } = context.system;
  const isSet = await isSetIn(context, source.envFile);
  const place = placeOf(context, reading);
  const settings = (reading?.settings ?? []).map(({ key, value, line, isAssumed }): DraftSetting => {
    const why =
      typeof value === 'string' && !isExpandable(value, isSet)
        ? ', not set when this was written'
        : // Without a Redis the configuration would be refused.
          key === 'session.store_in_database' &&
            value === true &&
            !redis.some((one) => one.key === 'redis.url')
          ? ', without effect where no sessions are in Redis'
          : '';
    const from = `${place}:${String(line)}${isAssumed ? ' (assumed)' : ''}${why}`;
    return { key, value, from, isActive: why === '' };
  });
  const remarks = (reading?.unread ?? []).map(
    ({ option, line, why }) => `${place}:${String(line)}: ${option} ${why}`,
  );
  const { url } = source;
  const draft: ProfileDraft = {
    name,
    url: url.kind === 'literal' ? { ...url, url: placedUrl(url.url, cwd, path) } : url,
    timeZone: parts.timeZone ?? (await zoneSaid(reading)),
    envFile: source.envFile === null ? null : placedPath(source.envFile, cwd, path),
    settings: [
      ...settings,
      ...withoutOptions(context, reading, redis),
      ...ownVariables(reading, isSet),
      ...redis,
      ...(await releaseOf(context, reading)),
    ],
    remarks,
  };
  return { path, reading, draft: await withoutRefused(context, { path, draft }) };
}

/** States explicitly what the application does not have: a report has to know. */
function withoutOptions(
  context: Context,
  reading: AuthReading | null,
  redis: readonly DraftSetting[],
): readonly DraftSetting[] {
  if (reading === null) return [];
  const absent = (key: string): DraftSetting => ({
    key,
    value: false,
    from: `not set in ${placeOf(context, reading)}`,
    isActive: true,
  });
  const hasCache = reading.settings.some(({ key }) => key.startsWith('session.cookie_cache'));
  return [
    ...(hasCache ? [] : [absent('session.cookie_cache.enabled')]),
    ...(reading.secondary === null && redis.length === 0 ? [absent('session.secondary_storage')] : []),
  ];
}

/** The release of Better Auth that the application has installed. */
async function releaseOf(context: Context, reading: AuthReading | null): Promise<readonly DraftSetting[]> {
  if (reading === null) return [];
  const { installedRelease } = await import('../../config/auth-file/installed-release.ts');
  const installed = await installedRelease(reading.path);
  if (installed === null) return [];
  const from = relative(context.system.cwd, installed.path);
  return [{ key: 'auth.release', value: installed.release, from, isActive: true }];
}

/** The variables that Better Auth itself reads where its options are not set. */
function ownVariables(
  reading: AuthReading | null,
  isSet: (name: string) => boolean,
): readonly DraftSetting[] {
  if (reading === null) return [];
  const variables = [
    { key: 'auth.secret', options: ['secret', 'secrets'], name: 'BETTER_AUTH_SECRET' },
    { key: 'auth.base_url', options: ['baseURL'], name: 'BETTER_AUTH_URL' },
  ];
  const isSaid = (option: string) =>
    [...reading.settings, ...reading.unread].some((one) => one.option === option);
  return variables
    .filter(({ options, name }) => isSet(name) && !options.some(isSaid))
    .map(({ key, name }) => ({ key, value: `\${${name}}`, from: "Better Auth's own", isActive: true }));
}

/** The zone that the driver writes, where the application sets a valid one. */
async function zoneSaid(reading: AuthReading | null): Promise<string | null> {
  if (reading?.timeZone === undefined || reading.timeZone === null) return null;
  const { parseTimeZone } = await import('../../config/time-zone.ts');
  try {
    return parseTimeZone(reading.timeZone.zone);
  } catch {
    // A zone that the driver understands and sessionctl does not is asked for, as if none were set.
    return null;
  }
}

export async function timeZoneFromFlags(context: Context, flags: InitFlags): Promise<string | null> {
  const { timeZoneForRun } = await import('../../config/time-zone.ts');
  return timeZoneForRun(flags, context.system.env)?.zone ?? null;
}

export async function rejectExisting(path: string, flags: InitFlags): Promise<void> {
  if (flags.force === true || !existsSync(path)) return;
  const { alreadyThere } = await import('../../config/write-config.ts');
  throw alreadyThere(path);
}

/** A path of an SQLite file is typed relative to the working directory; the file reads it relative to its own. */
export function placedUrl(url: string, cwd: string, configPath: string): string {
  const [, scheme] = /^([a-z][a-z0-9+.-]+):/i.exec(url) ?? [];
  const isFile = scheme === undefined || ['sqlite', 'sqlite3', 'file'].includes(scheme.toLowerCase());
  if (!isFile || dirname(configPath) === cwd) return url;
  const path = scheme === undefined ? url : url.slice(scheme.length + 1).replace(/^\/\//, '');
  return isAbsolute(path) ? url : `sqlite:${resolve(cwd, path)}`;
}

function placedPath(path: string, cwd: string, configPath: string): string {
  return dirname(configPath) === cwd ? path : resolve(cwd, path);
}
