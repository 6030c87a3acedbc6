import type { AuthReading } from '../../config/auth-file/auth-reading.ts';
import type { FoundUrl } from '../../config/find-urls.ts';
import { escapeReferences, isExpandable } from '../../config/references.ts';
import type { DraftSetting, UrlReference } from '../../config/render-config.ts';
import type { Context } from '../../context.ts';
import type { Choice } from '../../output/prompter.ts';
import type { InitFlags, UrlSource } from './init-flags.ts';
import { askForRedisSource, foundChoice, type Way } from './init-source.ts';
import { isSetIn, placeOf, variable } from './init-variables.ts';

/** The place of the sessions in secondary storage; no settings where there is no such storage. */
export interface RedisAnswer {
  readonly settings: readonly DraftSetting[];
  /** The file of variables, which may be needed only for the URL of Redis. */
  readonly envFile: string | null;
}

/**
 * Asks where there may be secondary storage: the application has it, or may have it, or the URL of a Redis was found.
 * @param believes whether the Redis that the application names is used; otherwise it is the first of several choices
 * @throws ConfigError, UsageError where the answer is not a URL
 */
export async function askForRedis(
  context: Context,
  flags: InitFlags,
  source: UrlSource,
  found: readonly FoundUrl[],
  reading: AuthReading | null,
  believes = true,
): Promise<RedisAnswer> {
  const secondary = reading?.secondary ?? null;
  const candidates = found.filter(({ kind }) => kind === 'redis');
  const isThere = flags.redisUrlEnv !== undefined ? true : await findOut(context, reading, candidates);
  if (isThere === 'denied') return { settings: [NO_REDIS], envFile: source.envFile };
  if (!isThere) {
    const [first] = candidates;
    if (first !== undefined && reading !== null && secondary === null)
      await context.note(
        `${first.name} is not used: ${placeOf(context, reading)} sets no secondaryStorage, so no sessions are in Redis`,
      );
    return { settings: [], envFile: source.envFile };
  }
  const said = await redisSaid(context, source, reading);
  const { url, envFile } =
    flags.redisUrlEnv !== undefined
      ? await sourceFromFlag(context, flags.redisUrlEnv, source, candidates)
      : said !== null && believes
        ? said
        : await askForRedisSource(
            context,
            [
              ...(said === null
                ? []
                : [{ name: `The one in ${redisOrigin(context, reading)}`, value: said }]),
              ...(await usable(context, source, candidates)),
            ],
            source.envFile,
          );
  const prompter = await context.prompter();
  const prefix =
    flags.redisKeyPrefix ??
    secondary?.keyPrefix ??
    (await prompter.input('Prefix of its keys (empty: none)', {
      initial: secondary === null ? 'better-auth:' : '',
    }));
  return { settings: redisSettings(context, reading, textOf(url), prefix), envFile };
}

/**
 * A variable that only a file sets is taken from there, unless another file is in use.
 * @throws ConfigError where it is unset
 */
async function sourceFromFlag(
  context: Context,
  name: string,
  source: UrlSource,
  candidates: readonly FoundUrl[],
): Promise<UrlSource> {
  const envFile = source.envFile ?? candidates.find((one) => one.name === name)?.envFile ?? null;
  return { url: await variable(context, name, envFile, '--redis-url-env'), envFile };
}

/** The Redis that the application names, where its variables are set here. */
async function redisSaid(
  context: Context,
  { envFile }: UrlSource,
  reading: AuthReading | null,
): Promise<UrlSource | null> {
  const url = reading?.secondary?.url;
  if (url?.kind !== 'reference' || !isExpandable(url.text, await isSetIn(context, envFile))) return null;
  return { url: { kind: 'references', text: url.text }, envFile };
}

/** The variables that were found, as far as the profile can use them: it has one file of variables at most. */
async function usable(
  context: Context,
  { envFile }: UrlSource,
  candidates: readonly FoundUrl[],
): Promise<readonly Choice<Way>[]> {
  const isSet = await isSetIn(context, envFile);
  const choices: Choice<Way>[] = [];
  for (const one of candidates) {
    if (one.envFile === null || envFile === null || isSet(one.name)) {
      choices.push(foundChoice(isSet(one.name) ? { ...one, envFile } : one, envFile));
    } else
      await context.note(
        `${one.name} is set in ${one.envFile}, and the other variables come from ${envFile}: set it there too, to use it`,
      );
  }
  return choices;
}

function textOf(url: UrlReference): string {
  switch (url.kind) {
    case 'variable':
      return `\${${url.name}}`;
    case 'references':
      return url.text;
    case 'literal':
      return escapeReferences(url.url);
    default:
      throw new Error(`the URL of Redis cannot be a ${url.kind}`);
  }
}

/** @param url may refer to variables */
export function redisSettings(
  context: Context,
  reading: AuthReading | null,
  url: string,
  prefix: string,
): readonly DraftSetting[] {
  const from = redisOrigin(context, reading);
  const setting = (key: string, value: string | boolean) => ({ key, value, from, isActive: true });
  return [
    setting('redis.url', url),
    setting('redis.key_prefix', escapeReferences(prefix)),
    ...(reading?.secondary?.cluster === true ? [setting('redis.cluster', true)] : []),
  ];
}

/** The place that configures secondary storage. */
export function redisOrigin(context: Context, reading: AuthReading | null): string {
  const secondary = reading?.secondary ?? null;
  return secondary === null ? 'config init' : `${placeOf(context, reading)}:${String(secondary.line)}`;
}

/** The answer that the application uses none, which a report has to know. */
const NO_REDIS: DraftSetting = {
  key: 'session.secondary_storage',
  value: false,
  from: 'config init',
  isActive: true,
};

/** @returns `denied` where the operator was asked and said no */
async function findOut(
  context: Context,
  reading: AuthReading | null,
  candidates: readonly FoundUrl[],
): Promise<boolean | 'denied'> {
  const secondary = reading?.secondary ?? null;
  if (secondary?.isCertain === true) return true;
  // The configuration was read and has no secondary storage, so this Redis has another purpose.
  if (secondary === null && (reading !== null || candidates.length === 0)) return false;
  if (secondary !== null)
    await context.note(
      `${placeOf(context, reading)}:${String(secondary.line)} adds options that are not read, and secondaryStorage may be among them. Check there first: if this file does not name the Redis, its sessions stay valid when they are revoked`,
    );
  const prompter = await context.prompter();
  const isThere = await prompter.confirm(
    'Does the application keep sessions in Redis (secondaryStorage)?',
    false,
  );
  return isThere || 'denied';
}
