import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { GlobalFlags } from '../../command.ts';
import type { ProfileDraft, UrlReference } from '../../config/render-config.ts';
import type { Context } from '../../context.ts';
import { ConfigError, UsageError } from '../../errors.ts';
import { mayBeToken, shownValue } from '../../sessions/shown-value.ts';

export interface InitFlags extends GlobalFlags {
  readonly urlEnv?: string;
  readonly file?: string;
  readonly force?: boolean;
}

/** What is to be written, and where to. */
export interface Plan {
  /** Absolute. */
  readonly path: string;
  readonly draft: ProfileDraft;
}

export const DEFAULT_PROFILE = 'default';
export const DEFAULT_FILE = 'sessionctl.toml';

/** @throws UsageError for an empty value or flags that contradict each other */
export async function rejectBadFlags(flags: InitFlags): Promise<void> {
  const { rejectEmpty } = await import('../../config/load.ts');
  rejectEmpty(flags);
  for (const [option, value] of [['--url-env', flags.urlEnv] as const, ['--file', flags.file] as const]) {
    if (value?.trim() === '')
      throw new UsageError(`${option} was given an empty value`, { hint: 'Leave the option out.' });
  }
  if (flags.url !== undefined && flags.urlEnv !== undefined) {
    throw new UsageError('--url and --url-env contradict each other', { hint: 'Give one of them.' });
  }
}

/**
 * What is to be written, from flags alone.
 * @throws UsageError where they do not say what the database's URL is
 * @throws ConfigError where the file exists already or the variable is unset
 */
export async function planFromFlags(context: Context, flags: InitFlags): Promise<Plan> {
  const path = filePath(context, flags.file ?? flags.config ?? DEFAULT_FILE);
  await rejectExisting(path, flags);
  const draft = { name: flags.profile ?? DEFAULT_PROFILE, timeZone: await timeZoneFromFlags(context, flags) };
  if (flags.urlEnv !== undefined)
    return { path, draft: { ...draft, url: await variable(context, flags.urlEnv) } };
  if (flags.url !== undefined) {
    return {
      path,
      draft: { ...draft, url: { kind: 'literal', url: placedUrl(flags.url, context.system.cwd, path) } },
    };
  }
  throw new UsageError(
    'config init needs to know where the database is, and there is no terminal to ask on',
    {
      hint: 'Give --url-env <name> (better: the URL stays out of the file) or --url <url>.',
    },
  );
}

export async function variable(context: Context, name: string): Promise<UrlReference> {
  const { isVariableName } = await import('../../config/references.ts');
  if (!isVariableName(name) || (mayBeToken(name) && context.system.env[name] === undefined)) {
    throw new UsageError(`--url-env: ${shownValue(name)} is not the name of a variable`, {
      hint: 'Give the name alone, such as DATABASE_URL.',
    });
  }
  if ((context.system.env[name] ?? '') === '') {
    throw new ConfigError(`the variable ${name} is not set, so there is no database to look at`, {
      hint: `Set it first: export ${name}=postgres://…`,
    });
  }
  return { kind: 'variable', name };
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

/** A path of an SQLite file is given from here; the file reads it from its own directory. */
export function placedUrl(url: string, cwd: string, configPath: string): string {
  const [, scheme] = /^([a-z][a-z0-9+.-]+):/i.exec(url) ?? [];
  const isFile = scheme === undefined || ['sqlite', 'sqlite3', 'file'].includes(scheme.toLowerCase());
  if (!isFile || dirname(configPath) === cwd) return url;
  const path = scheme === undefined ? url : url.slice(scheme.length + 1).replace(/^\/\//, '');
  return isAbsolute(path) ? url : `sqlite:${resolve(cwd, path)}`;
}

export function filePath(context: Context, path: string): string {
  return resolve(context.system.cwd, path);
}
