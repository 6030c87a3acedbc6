import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it that are missing, for its owner alone. Node's own recursive `mkdir` never returns
 * where a file system takes no directories and says that there is no such place, as /proc does.
 * @throws the error of the file system
 */
export async function makeDirectory(path: string): Promise<void> {
  const refusal = await refusalOf(path);
  if (refusal === null) return;
  const above = dirname(path);
  if (refusal.code !== 'ENOENT' || above === path) throw refusal;
  // It may have been made by another run since.
  if (!(await isDirectory(above))) await makeDirectory(above);
  const again = await refusalOf(path);
  if (again !== null) throw again;
}

/** Why the directory is not there and cannot be made; null where it is. */
async function refusalOf(path: string): Promise<NodeJS.ErrnoException | null> {
  try {
    await mkdir(path, { mode: 0o700 });
    return null;
  } catch (error) {
    const refusal = error as NodeJS.ErrnoException;
    return refusal.code === 'EEXIST' && (await isDirectory(path)) ? null : refusal;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
