import { hash } from 'node:crypto';
import type { LockHolder, LockOwner } from '../../../sessions/run-lock.ts';

/** What at most one run at a time does, and to which table. */
export interface LockSubject {
  /** Such as `sweep`. */
  readonly name: string;
  readonly schema: string | null;
  readonly table: string;
}

/** Whoever holds a lock that was asked for. */
export interface LockedBy extends LockHolder {
  /** How the database calls it, such as `process 4711`; null where it has no name for it. */
  readonly process: string | null;
  /** The statement that ends it, for an administrator; null where there is none. */
  readonly ending: string | null;
  /** It is the connection that this very lock was held by before: lost, but not yet missed by the server. */
  readonly isFormerSelf: boolean;
}

/** A lock that the database or the operating system lets go when whoever holds it is no more. */
export interface AdvisoryLock {
  /** Tries once. @returns who holds it, or null: then it is held here, from the owner's `since` on */
  take(own: LockOwner): Promise<LockedBy | null>;
  /** Whether what took it is still there, as far as can be told without asking the server. */
  isStanding(): Promise<boolean>;
  /** Lets it go, if it is held, and whatever was needed for it. */
  release(): Promise<void>;
}

/** The subject in hexadecimal digits, 64 of them: no other one has the same. */
export function digestOf(subject: LockSubject, place: string | null = null): string {
  return hash('sha256', JSON.stringify([subject.name, place, subject.schema, subject.table]), 'hex');
}
