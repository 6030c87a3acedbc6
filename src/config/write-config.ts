import { dirname } from 'node:path';
import { makeDirectory } from '../make-directory.ts';
import { ConfigError } from '../errors.ts';
import { replaceFile, writeNewFile } from '../replace-file.ts';
import { reasonOf } from './config-file.ts';

/** The file may contain a secret: only its owner may read it. */
const MODE = 0o600;

/**
 * Writes a configuration file that only its owner can read, and creates its directory if needed.
 * @param replace replaces an existing file in one step; without it, the file stays
 * @throws ConfigError where a file exists already, or the place cannot be written to
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

/** The error for a file that must not be overwritten. */
export function alreadyThere(path: string): ConfigError {
  return new ConfigError(`${path} exists already, and was left as it is`, {
    hint: 'Give another place with --file, or replace it with --force.',
  });
}
