import type { Instant } from './instant.ts';

/** The run that takes a lock, as other runs see it. */
export interface LockOwner {
  /** For example `root@cron-1, pid 4711`. */
  readonly who: string;
  /** The time on the store's clock when taking the lock begins. */
  readonly since: Instant;
}

/** The holder of a lock, as far as it is known, safe to print. Shortened where the database has little room. */
export interface LockHolder {
  readonly who: string | null;
  readonly since: Instant | null;
}

/** How long to wait for a lock that another run holds. */
export interface LockWait {
  /** 0 tries once. */
  readonly milliseconds: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Called once, if there is another run to wait for. */
  readonly remark?: ((text: string) => void) | undefined;
}

/** A lock that this run holds. It is released when the run ends, however that happens. */
export interface RunLock {
  /**
   * Makes sure that the lock is still held: it is lost with its connection, and then taken again. Call it before every
   * batch; it costs nothing while the connection is the same. Do not call it while a query runs.
   * @throws LockedError where another run has taken it meanwhile
   * @throws an error without meaning if the run's signal comes before the lock is held again
   */
  keep(): Promise<void>;
  /** Releases it. Never fails for a lost connection, with which the lock is lost too. */
  release(): Promise<void>;
}

/** A store whose sessions only one run at a time may change. */
export interface LockableStore {
  /**
   * Makes sure that no other run, on any host, does the same work on the same sessions.
   * @param name of the work, such as `sweep`; a short word
   * @throws LockedError where another run holds the lock, and has not released it within the wait
   * @throws CancelledError if the signal of the wait comes
   */
  lock(name: string, own: LockOwner, wait: LockWait): Promise<RunLock>;
}
