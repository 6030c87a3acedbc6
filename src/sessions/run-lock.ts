import type { Instant } from './instant.ts';

/** Whoever takes a lock, as others are to be told. */
export interface LockOwner {
  /** Such as `root@cron-1, pid 4711`. */
  readonly who: string;
  /** The present, by the store's clock, at which taking the lock begins. */
  readonly since: Instant;
}

/** Whoever holds a lock, as far as it can be told, fit to be printed. What the database has little room for is shortened. */
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
  /** Told once, when there is somebody to wait for. */
  readonly remark?: ((text: string) => void) | undefined;
}

/** A lock that this run holds. It ends by itself with the run, however that ends. */
export interface RunLock {
  /**
   * Makes sure that the lock is still held: it goes with a connection that is lost, and is then taken again. To be called
   * before every batch; it costs nothing as long as the connection is the same. Not while a query runs.
   * @throws LockedError where another run has taken it meanwhile
   * @throws an error that means nothing by itself where the run's signal comes before it is held again
   */
  keep(): Promise<void>;
  /** Lets it go. Never fails for a connection that is lost, and the lock with it. */
  release(): Promise<void>;
}

/** A store on whose sessions one run at a time can work. */
export interface LockableStore {
  /**
   * Makes sure that no other run does the same to the same sessions, on whatever host it is.
   * @param name what the run does, such as `sweep`; a short word
   * @throws LockedError where another run holds the lock, and has not let it go within the wait
   * @throws CancelledError where the signal of the wait comes
   */
  lock(name: string, own: LockOwner, wait: LockWait): Promise<RunLock>;
}
