import { constants } from 'node:fs';
import { lstat, open, readlink, type FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { getuid } from 'node:process';

/** Bytes. Configurations, secrets and application sources are far smaller. */
export const LARGEST_TEXT_FILE = 5_000_000;

const MOST_LINKS = 20;

/** A file that is refused for what it is. The message is fit to be printed after the path. */
export class UnsuitableFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnsuitableFileError';
  }
}

/**
 * Opens a regular file without waiting: a named pipe would block until somebody writes into it. A symbolic link is
 * followed only where the user or root made it; another user's link could lead anywhere.
 * @param flags of `node:fs` constants, beside those that keep it from waiting and from following links
 * @throws UnsuitableFileError where it is no regular file, or a link of another user
 * @throws the error of the file system
 */
export async function openRegularFile(path: string, flags: number, mode?: number): Promise<FileHandle> {
  const file = await open(
    await followOwnLinks(path),
    // Windows has neither of the two, and what is undefined counts as 0 here.
    flags | constants.O_NONBLOCK | constants.O_NOFOLLOW,
    mode,
  );
  try {
    const status = await file.stat();
    if (status.isDirectory()) throw new UnsuitableFileError('it is a directory');
    if (!status.isFile()) throw new UnsuitableFileError('it is not a regular file');
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * The bytes of a regular file.
 * @param most bytes that it may have
 * @throws UnsuitableFileError also where it is larger
 */
export async function readRegularFile(path: string, most = LARGEST_TEXT_FILE): Promise<Buffer> {
  const file = await openRegularFile(path, constants.O_RDONLY);
  try {
    const { size } = await file.stat();
    if (size > most) throw new UnsuitableFileError(`it is larger than ${String(most / 1_000_000)} MB`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Where the links of the user and of root lead to. */
async function followOwnLinks(path: string): Promise<string> {
  let at = path;
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const status = await lstat(at).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    });
    if (status?.isSymbolicLink() !== true) return at;
    const uid = getuid?.();
    if (uid !== undefined && status.uid !== uid && status.uid !== 0)
      throw new UnsuitableFileError('it is a symbolic link of another user');
    at = resolve(dirname(at), await readlink(at));
  }
  throw new UnsuitableFileError('it is a chain of too many symbolic links');
}
