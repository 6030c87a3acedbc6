import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, LockedError, SessionctlError } from '../../../errors.ts';
import { millisecondsOf, toInstant } from '../../../sessions/instant.ts';
import type { LockOwner, LockWait, RunLock } from '../../../sessions/run-lock.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { AdvisoryLock, LockedBy } from '../dialects/advisory-lock.ts';
import { unlessStopped } from './persistently.ts';

type LockParts = Pick<DatabaseStoreParts, 'knex' | 'dialect' | 'target' | 'signal' | 'guard' | 'settle'> & {
  /** The table that the lock is for. */
  readonly table: { readonly schema: string | null; readonly name: string };
};

/** Milliseconds between two attempts: at first this many, doubled each time up to the second value. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 1000;

/**
 * Takes the lock that keeps two runs from doing the same work on the same session table.
 * @throws LockedError, CancelledError, ConnectionError
 */
export async function acquireRunLock(
  parts: LockParts,
  name: string,
  own: LockOwner,
  wait: LockWait,
): Promise<RunLock> {
  const { knex, dialect, guard } = parts;
  const { schema, name: table } = parts.table;
  const lock = await guard(() => dialect.advisoryLock(knex, { name, schema, table }));
  try {
    return heldLock(parts, name, lock, await takeWithin(parts, name, lock, own, wait));
  } catch (error) {
    await letGo(parts, lock);
    if (wait.signal.aborted && !(error instanceof SessionctlError))
      throw new CancelledError(`stopped by ${String(wait.signal.reason)}, nothing was changed`, {
        cause: error,
      });
    throw error;
  }
}

/** @returns the owner as the holder of the lock, since the moment it was taken */
async function takeWithin(
  { guard, dialect, target }: LockParts,
  name: string,
  lock: AdvisoryLock,
  own: LockOwner,
  { milliseconds, signal, remark }: LockWait,
): Promise<LockOwner> {
  const begun = performance.now();
  for (let attempts = 0; ; attempts += 1) {
    const waited = performance.now() - begun;
    const owner = { ...own, since: toInstant(millisecondsOf(own.since) + Math.round(waited)) };
    const attempt = await guard(() =>
      unlessStopped(() => lock.take(owner), { signal, hindrance: dialect.hindrance }),
    );
    if (attempt === 'given up') throw new Error(String(signal.reason));
    if (attempt.result === null) return owner;
    if (waited >= milliseconds) throw locked(name, target.database, attempt.result);
    if (attempts === 0) remark?.(`waiting: ${occupied(name, target.database, attempt.result)}`);
    const pause = Math.min(FIRST_PAUSE * 2 ** attempts, LONGEST_PAUSE);
    await sleep(Math.min(pause, milliseconds - waited), undefined, { signal });
  }
}

function heldLock(parts: LockParts, name: string, lock: AdvisoryLock, owner: LockOwner): RunLock {
  const { dialect, target, signal, settle } = parts;

  /** The server may not have noticed the lost connection yet. Until then its lock is in the way. */
  async function takeAgain(): Promise<void> {
    let isFormerSelf = false;
    const attempt = await unlessStopped(
      async () => {
        const other = await lock.take(owner);
        isFormerSelf = other?.isFormerSelf ?? false;
        if (other !== null)
          throw locked(name, target.database, other, 'the lock went with a lost connection, and ');
      },
      {
        signal,
        hindrance: (error) => {
          if (error instanceof LockedError) return isFormerSelf ? 'lost' : undefined;
          return dialect.hindrance(error);
        },
      },
    );
    if (attempt === 'given up') throw new Error(String(signal.reason));
  }

  return {
    keep: () =>
      settle(async () => {
        // Without a connection at present the lock is not held. Taking it again waits for a connection.
        if (!(await lock.isStanding().catch(() => false))) await takeAgain();
      }),
    release: () => letGo(parts, lock),
  };
}

async function letGo({ dialect, signal, settle }: LockParts, lock: AdvisoryLock): Promise<void> {
  // An abandoned query may still be running. The lock ends with the process, which ends next.
  if (signal.aborted) return;
  await settle(async () => {
    try {
      await lock.release();
    } catch (error) {
      // The lock was released with the connection.
      if (dialect.hindrance(error) !== 'lost') throw error;
    }
  });
}

function locked(name: string, database: string, other: LockedBy, before = ''): LockedError {
  const remedy =
    other.ending === null ? '' : `. If its host is gone, an administrator can end it: ${other.ending}`;
  return new LockedError(before + occupied(name, database, other), {
    hint: `Wait for it with --wait <duration>. A run that crashed no longer holds it${remedy}`,
  });
}

function occupied(name: string, database: string, { who, process, since }: LockedBy): string {
  const holder = [who ?? process, since === null ? null : `since ${since.replace(/\.\d+Z$/, 'Z')}`].filter(
    (part) => part !== null,
  );
  return `another ${name} of ${database} is running${holder.length === 0 ? '' : `: ${holder.join(', ')}`}`;
}
