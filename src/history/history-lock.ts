import { rmdir, stat } from 'node:fs/promises';
import type { LockOptions } from 'proper-lockfile';
import { FailedError } from '../errors.ts';

/** Milliseconds. A killed process leaves its lock behind; a running one renews it more often than this. */
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
 * Does work while no other sessionctl does it on the same file. The work may be repeated if it detects that it was not
 * alone.
 * @throws FailedError where another process does not release the lock
 */
export async function withLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const { default: retry } = await import('p-retry');
  try {
    return await retry(() => underLock(path, work), {
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
    throw new FailedError(`the history ${path} cannot be written: another sessionctl holds ${lockOf(path)}`, {
      hint: 'If none is running, remove that directory.',
      cause: error,
    });
  }
}

async function underLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const release = await acquire(path);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** @throws LockLostError where another process has it */
async function acquire(path: string): Promise<() => Promise<void>> {
  try {
    // By itself, the library would let two processes take over one stale lock, each removing the other's new one.
    return await lock(path, { stale: Number.POSITIVE_INFINITY, update: STALE_AFTER / 3 });
  } catch (error) {
    if (error instanceof LockLostError) await removeStale(path);
    throw error;
  }
}

/** Removes the lock of a killed process, under a lock of its own: of many waiting processes only one may do it. */
async function removeStale(path: string): Promise<void> {
  const { default: lockfile } = await import('proper-lockfile');
  const lockPath = lockOf(path);
  if (await lockfile.check(path, { realpath: false, stale: STALE_AFTER })) return;
  const release = await lock(lockPath, { stale: STALE_AFTER });
  try {
    // Compared with a lock created just now, since the file system's clock is the one that counts.
    const [held, now] = await Promise.all([stat(lockPath), stat(lockOf(lockPath))]);
    if (held.mtimeMs < now.mtimeMs - STALE_AFTER) await rmdir(lockPath);
  } catch (error) {
    if (!isMissing(error)) throw error;
  } finally {
    await release();
  }
}

/** @throws LockLostError where another process has it */
async function lock(path: string, options: LockOptions): Promise<() => Promise<void>> {
  const { default: lockfile } = await import('proper-lockfile');
  try {
    const release = await lockfile.lock(path, {
      ...options,
      // The history itself need not exist yet.
      realpath: false,
      // By default this ends the process. The work checks the lock itself before it writes.
      onCompromised: () => undefined,
    });
    // The work is done. A lock that cannot be released becomes stale soon.
    return () => release().catch(() => undefined);
  } catch (error) {
    const isHeld = error instanceof Error && 'code' in error && error.code === 'ELOCKED';
    if (isHeld || isMissing(error)) throw new LockLostError();
    throw error;
  }
}

/** As the library names it. */
function lockOf(path: string): string {
  return `${path}.lock`;
}

/** Another process has just released it. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
