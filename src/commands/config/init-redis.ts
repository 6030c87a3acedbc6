import type { AuthReading } from '../../config/auth-file/auth-reading.ts';
import type { FoundUrl } from '../../config/find-urls.ts';
import { escapeReferences, isExpandable } from '../../config/references.ts';
import type { DraftSetting } from '../../config/render-config.ts';
import { maskPasswords } from '../../config/url-secrets.ts';
import type { Context } from '../../context.ts';
import type { InitFlags, UrlSource } from './init-plan.ts';
import { placeOf, variablesIn, type Variables } from './init-variables.ts';

/** Where the sessions in secondary storage are; no settings where there is no such storage. */
export interface RedisAnswer {
  readonly settings: readonly DraftSetting[];
  /** The file of variables, which may be needed for the URL of Redis alone. */
  readonly envFile: string | null;
}

/** Asks where there may be secondary storage: the application says so, or may, or the URL of a Redis lies about. */
export async function askForRedis(
  context: Context,
  flags: InitFlags,
  source: UrlSource,
  found: readonly FoundUrl[],
  reading: AuthReading | null,
): Promise<RedisAnswer> {
  const secondary = reading?.secondary ?? null;
  const candidates = found.filter(({ kind }) => kind === 'redis');
  const none: RedisAnswer = { settings: [], envFile: source.envFile };
  if (flags.redisUrlEnv === undefined && !(await isThere(context, reading, candidates))) {
    const [first] = candidates;
    if (first !== undefined && reading !== null && secondary === null)
      await context.note(
        `${first.name} is left out: ${placeOf(context, reading)} sets no secondaryStorage, so no sessions stand in Redis`,
      );
    return none;
  }
  const prompter = await context.prompter();
  const variables = await variablesIn(context, source.envFile);
  const said = secondary?.url.kind === 'reference' ? secondary.url.text : null;
  const isUsable = said !== null && isExpandable(said, variables.isSet);
  const asked =
    flags.redisUrlEnv === undefined && isUsable
      ? null
      : (flags.redisUrlEnv ?? (await askForVariable(context, source, variables, candidates)));
  const prefix =
    flags.redisKeyPrefix ??
    secondary?.keyPrefix ??
    (await prompter.input('What do its keys begin with (empty: nothing)', {
      initial: secondary === null ? 'better-auth:' : '',
    }));
  return {
    settings: redisSettings(context, reading, asked === null ? (said ?? '') : `\${${asked}}`, prefix),
    envFile:
      asked === null || variables.isSet(asked)
        ? source.envFile
        : (fileWith(asked, source, candidates) ?? source.envFile),
  };
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

/** What says that there is secondary storage. */
export function redisOrigin(context: Context, reading: AuthReading | null): string {
  const secondary = reading?.secondary ?? null;
  return secondary === null ? 'config init' : `${placeOf(context, reading)}:${String(secondary.line)}`;
}

async function isThere(
  context: Context,
  reading: AuthReading | null,
  candidates: readonly FoundUrl[],
): Promise<boolean> {
  const secondary = reading?.secondary ?? null;
  if (secondary?.isCertain === true) return true;
  // Read, and without secondary storage: the Redis serves something else.
  if (secondary === null && (reading !== null || candidates.length === 0)) return false;
  if (secondary !== null)
    await context.note(
      `${placeOf(context, reading)}:${String(secondary.line)} adds options that are not read, and secondaryStorage may be among them: look there first, since sessions in Redis that this file does not name live on when they are revoked`,
    );
  const prompter = await context.prompter();
  return prompter.confirm('Does the application keep sessions in Redis (secondaryStorage)?', false);
}

async function askForVariable(
  context: Context,
  source: UrlSource,
  { isSet, complaintAbout }: Variables,
  candidates: readonly FoundUrl[],
): Promise<string> {
  const isWithin = (name: string) => isSet(name) || fileWith(name, source, candidates) !== null;
  const usable = candidates.find(({ name }) => isWithin(name)) ?? candidates[0];
  const prompter = await context.prompter();
  return prompter.input('Variable with the URL of Redis', {
    shown: maskPasswords,
    initial: usable?.name ?? 'REDIS_URL',
    validate: (name) => {
      if (isWithin(name)) return true;
      const elsewhere = candidates.find((one) => one.name === name)?.envFile ?? null;
      return elsewhere === null
        ? complaintAbout(name)
        : `${name} stands in ${elsewhere}, and the other variables come from ${source.envFile ?? ''}: set it there, too`;
    },
  });
}

/** The file that a variable can still be taken from: a profile has one at most. */
function fileWith(name: string, source: UrlSource, candidates: readonly FoundUrl[]): string | null {
  if (source.envFile !== null) return null;
  return candidates.find((one) => one.name === name && one.envFile !== null)?.envFile ?? null;
}
