import { ConfigError, UsageError } from '../errors.ts';
import type { Redactor } from '../redaction.ts';
import { nearest } from '../sessions/nearest.ts';
import { mayBeSecret } from '../sessions/shown-value.ts';
import type { System } from '../system.ts';
import type { ProfileInUse, SettingEntry } from './settings-ledger.ts';
import { chooseDatabase, needsFile, type ChosenProfile, type DatabaseChoice } from './choose-database.ts';
import { findConfigFile, hintAfter, readConfigFile, type ConfigSearch } from './config-file.ts';
import { environmentOf, type Environment } from './environment.ts';
import type { ProfileDocument } from './profile-document.ts';
import { describeOrigin } from './origin.ts';
import { describeProblem } from './problem.ts';
import type { Settings, SettingsFlags } from './settings.ts';
import type { KeyPath } from './toml-document.ts';

/** The settings in effect, with their origins. */
export interface LoadedConfig {
  readonly settings: Settings;
  readonly warnings: readonly string[];
  /** The configuration file in use, or null. */
  readonly path: string | null;
  /** Every setting in a form that is safe to print, with its origin. */
  readonly entries: readonly SettingEntry[];
}

/**
 * The settings of a run: flags over environment over configuration file over defaults (`chooseDatabase` decides where
 * the database comes from, `findConfigFile` which file counts).
 * @throws UsageError for an empty or invalid flag
 * @throws ConfigError with every problem of the file at once, or when no database is configured
 */
export async function loadSettings(
  system: System,
  flags: SettingsFlags,
  redactor: Redactor,
): Promise<{ readonly settings: Settings; readonly warnings: readonly string[] }> {
  return loadConfig(system, flags, redactor);
}

/**
 * Like `loadSettings`, with the origin of each setting.
 * @param commands `unrun` leaves the URL of a `url_command` empty: such settings are only for display
 */
export async function loadConfig(
  system: System,
  flags: SettingsFlags,
  redactor: Redactor,
  commands: 'run' | 'unrun' = 'run',
): Promise<LoadedConfig> {
  rejectEmpty(flags);
  const env = environmentOf(system.env);
  const search = await searchWhereNeeded(system, flags, env);
  const document = search.path === null ? null : await understand(search.path, env);
  const choice = chooseDatabase(flags, env, document?.preferred ?? null);
  if (document !== null) reportProblems(document, (path) => isNeeded(path, choice, flags, env));
  if (choice.kind === 'none') throw nothingChosen(document, search);
  const chosen = choice.kind === 'ambient' ? null : choice.profile;

  const { assembleSettings } = await import('./assemble-settings.ts');
  const { settings, entries } = await assembleSettings({
    system,
    flags,
    redactor,
    runsCommands: commands === 'run',
    givenUrl: choice.kind === 'profile' ? null : { url: choice.url, origin: choice.origin },
    profile: chosen === null ? null : findProfile(chosen, document, search),
  });
  const warnings = [...(search.warning === null ? [] : [search.warning]), ...warningsAbout(choice, document)];
  return { settings, entries, path: document?.path ?? null, warnings };
}

/**
 * The settings that a profile would have in a file with this text.
 * @throws ConfigError like `loadSettings`
 */
export async function settingsOfText(
  file: { readonly path: string; readonly text: string; readonly profile: string },
  system: System,
  redactor: Redactor,
): Promise<Settings> {
  const env = environmentOf(system.env);
  const { understandFile } = await import('./profile-document.ts');
  const document = await understandFile({ ...file, isReadableByOthers: false, otherWriters: null }, env);
  reportProblems(document, () => true);
  const chosen: ChosenProfile = { name: file.profile, origin: { kind: 'flag', name: '--profile' } };
  const profile = findProfile(chosen, document, {
    path: file.path,
    searched: [file.path],
    warning: null,
  });
  const { assembleSettings } = await import('./assemble-settings.ts');
  return (
    await assembleSettings({ system, flags: {}, redactor, runsCommands: true, givenUrl: null, profile })
  ).settings;
}

/**
 * Reads and checks a configuration file.
 * @throws ConfigError where it cannot be read; its problems are in the result
 */
export async function understand(path: string, env: Environment): Promise<ProfileDocument> {
  const { understandFile } = await import('./profile-document.ts');
  return understandFile(await readConfigFile(path), env);
}

/** Warnings if a file contains a secret that others can read, or if others can write it. */
export function exposureWarnings({ path, exposesSecret, otherWriters }: ProfileDocument): readonly string[] {
  const file = `'${path.replaceAll("'", String.raw`'\''`)}'`;
  return [
    ...(exposesSecret
      ? [`${path} contains a secret and others can read it; fix it with: chmod 600 ${file}`]
      : []),
    ...(otherWriters === null ? [] : [`${path} ${otherWriters}; fix it with: chmod go-w ${file}`]),
  ];
}

/** @throws UsageError for an option that was given an empty value */
export function rejectEmpty(flags: SettingsFlags): void {
  const given = {
    '--url': flags.url,
    '--profile': flags.profile,
    '--config': flags.config,
    '--time-zone': flags.timeZone,
  };
  for (const [option, value] of Object.entries(given)) {
    if (value?.trim() === '') {
      throw new UsageError(`${option} was given an empty value`, {
        hint: 'Leave the option out, or give a value.',
      });
    }
  }
}

/** A named file is always read: naming a file that does not exist is a mistake. */
async function searchWhereNeeded(
  system: System,
  flags: SettingsFlags,
  env: Environment,
): Promise<ConfigSearch> {
  const isNamed = flags.config !== undefined || env('SESSIONCTL_CONFIG') !== undefined;
  if (isNamed || needsFile(flags, env)) return findConfigFile(system, flags.config);
  return { path: null, searched: [], warning: null };
}

/** Whether this run uses the setting, so that a variable that it refers to must be set. */
function isNeeded(path: KeyPath, choice: DatabaseChoice, flags: SettingsFlags, env: Environment): boolean {
  const [table, name, ...keys] = path;
  if (table !== 'profiles') return true;
  if (choice.kind === 'none' || choice.kind === 'ambient' || choice.profile?.name !== name) return false;
  const [key = '', inner = ''] = keys;
  if (['url', 'url_file', 'url_command'].includes(key)) return choice.kind === 'profile';
  if (key === 'time_zone') return flags.timeZone === undefined && env('SESSIONCTL_TIME_ZONE') === undefined;
  if (key === 'redis' && ['url', 'url_file'].includes(inner))
    return env('SESSIONCTL_REDIS_URL') === undefined;
  return true;
}

function reportProblems(document: ProfileDocument, needed: (path: KeyPath) => boolean): void {
  const unset = document.unset.filter(({ path }) => needed(path)).map(({ problem }) => problem);
  const problems = [...document.problems, ...unset].sort((a, b) => a.line - b.line);
  const lines = problems.map((problem) => describeProblem(document.path, problem));
  if (lines.length === 0) return;
  const message =
    lines.length === 1
      ? lines.join('')
      : `the configuration has ${String(lines.length)} problems\n${lines.join('\n')}`;
  throw new ConfigError(message);
}

function findProfile(
  chosen: ChosenProfile,
  document: ProfileDocument | null,
  search: ConfigSearch,
): ProfileInUse {
  const named = mayBeSecret(chosen.name) ? 'such profile' : `profile ${JSON.stringify(chosen.name)}`;
  const missing = `there is no ${named} (${describeOrigin(chosen.origin)})`;
  if (document === null) {
    throw new ConfigError(`${missing}, since there is no configuration file`, {
      hint: hintAfter(
        search,
        `Searched for ${search.searched.join(', ')}. Create one with \`sessionctl config init\`.`,
      ),
    });
  }
  const checked = document.file?.profiles.get(chosen.name);
  if (checked !== undefined) return { ...chosen, checked, document };
  const near = nearest(chosen.name, document.names);
  throw new ConfigError(`${missing} in ${document.path}`, {
    hint: hintAfter(
      search,
      `${near === undefined ? '' : `Did you mean ${JSON.stringify(near)}? `}It has ${quoted(document.names)}.`,
    ),
  });
}

function nothingChosen(document: ProfileDocument | null, search: ConfigSearch): ConfigError {
  if (document !== null) {
    return new ConfigError(
      `${document.path} has several profiles and no default_profile: ${quoted(document.names)}`,
      {
        hint: 'Name one with --profile, or set default_profile.',
      },
    );
  }
  return new ConfigError('no database is configured', {
    hint: hintAfter(
      search,
      'Create a configuration with `sessionctl config init`, name a database with `--url <url>`, or make one to try with `sessionctl demo`.',
    ),
  });
}

function warningsAbout(choice: DatabaseChoice, document: ProfileDocument | null): readonly string[] {
  if (document === null) return [];
  const displaced = choice.kind === 'ambient' ? choice.displaced : null;
  const announcement = `using DATABASE_URL, not profile ${JSON.stringify(displaced)} of ${document.path}; to use the profile, name it with --profile`;
  return [...(displaced === null ? [] : [announcement]), ...exposureWarnings(document)];
}

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}
