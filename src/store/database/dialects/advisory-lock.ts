import { hash } from 'node:crypto';
import type { LockHolder, LockOwner } from '../../../sessions/run-lock.ts';

/** The work that at most one run may do at a time, and its table. */
export interface LockSubject {
  /** For example `sweep`. */
  readonly name: string;
  readonly schema: string | null;
  readonly table: string;
}

/** The holder of a lock that is already taken. */
export interface LockedBy extends LockHolder {
  /** The database's name for the holder, such as `process 4711`; null where it has none. */
  readonly process: string | null;
  /** The statement with which an administrator ends the holder; null where there is none. */
  readonly ending: string | null;
  /**
   * The holder is the connection on which this run held the lock before. It is lost, but the server has not noticed
   * yet.
   */
  readonly isFormerSelf: boolean;
}

/** A lock that the database or the operating system releases when its holder is gone. */
export interface AdvisoryLock {
  /**
   * Tries once.
   * @returns the other holder, or null if this run now holds the lock, since the owner's `since`
   */
  take(own: LockOwner): Promise<LockedBy | null>;
  /** Whether the lock's connection or file is still there, as far as this is known without asking the server. */
  isStanding(): Promise<boolean>;
  /** Releases the lock if it is held, and everything that it needed. */
  release(): Promise<void>;
}

/** A digest of the subject: 64 hexadecimal digits, different for each subject. */
export function digestOf(subject: LockSubject, place: string | null = null): string {
  return hash('sha256', JSON.stringify([subject.name, place, subject.schema, subject.table]), 'hex');
}
