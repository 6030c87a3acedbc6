import { dirname } from 'node:path';
import { makeDirectory } from '../make-directory.ts';
import { ConfigError } from '../errors.ts';
import { replaceFile, writeNewFile } from '../replace-file.ts';
import { reasonOf } from './config-file.ts';

/** It may hold a secret: nobody but its owner reads it. */
const MODE = 0o600;

/**
 * Writes a configuration file that only its owner can read, making its directory where there is none.
 * @param replace an existing file gives way, at once and as a whole; without it, it stays
 * @throws ConfigError where a file is there already, or the place cannot be written to
 */
export async function writeConfigFile(path: string, text: string, replace: boolean): Promise<void> {
  try {
    await makeDirectory(dirname(path));
    await (replace ? replaceFile : writeNewFile)(path, text, MODE);
  } catch (error) {
    // A file in the place of the directory is EEXIST as well.
    const { code, path: culprit } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && culprit === path) throw alreadyThere(path);
    throw new ConfigError(`cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** The complaint about a file that must not be overwritten. */
export function alreadyThere(path: string): ConfigError {
  return new ConfigError(`${path} exists already, and was left as it is`, {
    hint: 'Give another place with --file, or replace it with --force.',
  });
}
