import { mkdir, rmdir, stat } from 'node:fs/promises';
import { FailedError } from '../errors.ts';

/** Milliseconds. An append takes a few of them, so an older lock is that of a killed process. */
const STALE_AFTER = 10_000;
const LONGEST_WAIT = 15_000;

/** Another process has the lock, or had it at the same time, as the work under it may detect. Try once more. */
export class LockLostError extends Error {
  constructor() {
    super('another process has the lock');
    this.name = 'LockLostError';
  }
}

/**
 * Does work while no other sessionctl does it on the same file. The lock is a directory, since only one process can make
 * it. A machine that was asleep can lose it, so the work checks that the file is still as it read it, and is repeated.
 * @throws FailedError where another process does not release the lock
 */
export async function withLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const { default: retry } = await import('p-retry');
  const lock = `${path}.lock`;
  try {
    return await retry(() => underLock(lock, work), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 10,
      maxTimeout: 200,
      factor: 1.5,
      randomize: true,
      maxRetryTime: LONGEST_WAIT,
      shouldRetry: ({ error }) => error instanceof LockLostError,
    });
  } catch (error) {
    if (!(error instanceof LockLostError)) throw error;
    throw new FailedError(`the history ${path} cannot be written: another sessionctl holds ${lock}`, {
      hint: 'If none is running, remove that directory.',
      cause: error,
    });
  }
}

async function underLock<Result>(lock: string, work: () => Promise<Result>): Promise<Result> {
  await acquire(lock);
  try {
    return await work();
  } finally {
    // The work is done. A lock that cannot be removed becomes stale soon.
    await rmdir(lock).catch(() => undefined);
  }
}

/** @throws LockLostError where another process has it */
async function acquire(lock: string): Promise<void> {
  if (await makeAlone(lock)) return;
  await removeStale(lock);
  throw new LockLostError();
}

/** Only one of several waiting processes does it at a time: another could remove the new lock of the first. */
async function removeStale(lock: string): Promise<void> {
  const removal = `${lock}.removal`;
  if (!(await makeAlone(removal))) return;
  try {
    // Both times are by the clock of the file system.
    const [held, now] = await Promise.all([stat(lock), stat(removal)]);
    if (held.mtimeMs < now.mtimeMs - STALE_AFTER) await rmdir(lock);
  } catch (error) {
    // The other process has just released it.
    if (codeOf(error) !== 'ENOENT') throw error;
  } finally {
    await rmdir(removal).catch(() => undefined);
  }
}

/** @returns false where it is there already */
async function makeAlone(directory: string): Promise<boolean> {
  try {
    await mkdir(directory);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
