import { constants } from 'node:fs';
import { stat, type FileHandle } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { openRegularFile, UnsuitableFileError } from '../regular-file.ts';
import { mayBeSecret } from '../sessions/shown-value.ts';
import type { System } from '../system.ts';
import { environmentOf } from './environment.ts';
import { insistOnTrusted, otherWriters } from './trusted-file.ts';
import { xdgDirectory } from './xdg-directory.ts';

/** The name that is searched for in the working directory and its parents. */
export const CONFIG_FILE_NAME = 'sessionctl.toml';

export interface ConfigSearch {
  /** The file in use, or null if none was found. */
  readonly path: string | null;
  /** Every place that was searched, in order. */
  readonly searched: readonly string[];
  /** A warning if one of the places differs from the environment's setting, else null. */
  readonly warning: string | null;
}

/** Bytes. A hundred profiles take a tenth of it. */
const LARGEST_CONFIG = 1_000_000;

/** The text of a configuration file, and who can read it. */
export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  /** The group or every user has the right to read it; false on Windows, which has no modes. */
  readonly isReadableByOthers: boolean;
  /** Which other users may write it, in words; null if none may. */
  readonly otherWriters: string | null;
}

/**
 * Finds the configuration file. `--config`, or else `SESSIONCTL_CONFIG`, is the only place if set. Otherwise it is
 * `sessionctl.toml` in the working directory or the nearest parent that has one, or else
 * `$XDG_CONFIG_HOME/sessionctl/config.toml`, which without the variable is in `~/.config`. Files are not merged.
 * @throws ConfigError where the named file does not exist, or another user could have written the found one
 */
export async function findConfigFile(system: System, flag: string | undefined): Promise<ConfigSearch> {
  const env = environmentOf(system.env);
  const named = flag ?? env('SESSIONCTL_CONFIG');
  if (named !== undefined) {
    const path = resolve(system.cwd, named);
    if (await exists(path)) return { path, searched: [path], warning: null };
    throw new ConfigError(`there is no configuration file ${mayBeSecret(named) ? 'of this name' : path}`, {
      hint: `It was named by ${flag === undefined ? 'SESSIONCTL_CONFIG' : '--config'}; no other file is used.`,
    });
  }
  const searched: string[] = [];
  for (const path of upwards(system.cwd)) {
    searched.push(path);
    if (!(await exists(path))) continue;
    await insistOnTrusted(path, system.cwd, env);
    return { path, searched, warning: null };
  }
  const home = env('HOME');
  const { path: base, warning } = xdgDirectory(env, 'XDG_CONFIG_HOME', home && join(home, '.config'));
  if (base === undefined) return { path: null, searched, warning };
  const path = join(base, 'sessionctl', 'config.toml');
  searched.push(path);
  if (!(await exists(path))) return { path: null, searched, warning };
  await insistOnTrusted(path, dirname(path), env);
  return { path, searched, warning };
}

/** The error for a search without result. */
export function noConfigFile(search: ConfigSearch): ConfigError {
  return new ConfigError(`there is no configuration file; searched for\n${search.searched.join('\n')}`, {
    hint: hintAfter(search, 'Create one with `sessionctl config init`.'),
  });
}

/** A hint about a missing configuration, with the warning of the search. */
export function hintAfter({ warning }: ConfigSearch, hint: string): string {
  return warning === null ? hint : `${warning}. ${hint}`;
}

/** @throws ConfigError where it cannot be read: absent, not a regular file, forbidden, too large, or not UTF-8 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  let file: FileHandle | undefined;
  try {
    file = await openRegularFile(path, constants.O_RDONLY);
    const status = await file.stat();
    if (status.size > LARGEST_CONFIG)
      throw new ConfigError(`the configuration file ${path} is larger than 1 MB`);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
    const isReadableByOthers = platform() !== 'win32' && (status.mode & 0o044) !== 0;
    return { path, text, isReadableByOthers, otherWriters: otherWriters(status) };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (error instanceof TypeError) {
      throw new ConfigError(`the configuration file ${path} is not UTF-8 text`, { cause: error });
    }
    throw new ConfigError(`cannot read the configuration file ${path}: ${reasonOf(error)}`, { cause: error });
  } finally {
    await file?.close();
  }
}

/** The system's reason why a file cannot be read, in words. */
export function reasonOf(error: unknown): string {
  if (error instanceof UnsuitableFileError) return error.message;
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a directory';
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function upwards(directory: string): readonly string[] {
  const parent = dirname(directory);
  return [join(directory, CONFIG_FILE_NAME), ...(parent === directory ? [] : upwards(parent))];
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new ConfigError(`cannot look for ${path}: ${reasonOf(error)}`, {
      hint: 'Name the configuration with --config, or the database with --url.',
      cause: error,
    });
  }
}
