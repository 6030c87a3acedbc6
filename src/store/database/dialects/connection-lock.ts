import type { LockHolder, LockOwner } from '../../../sessions/run-lock.ts';
import type { AdvisoryLock } from './advisory-lock.ts';

/** The server's answer to an attempt to take a lock. */
export interface LockAttempt {
  /** The server's number of the connection that holds the lock; null if its holder has just released it. */
  readonly holder: number | null;
  readonly isTaken: boolean;
  /** What another holder published about itself. */
  readonly told: LockHolder;
}

export interface ServerLock {
  /** The connection that holds the lock: the present one, or a new one if that was lost. */
  connection(): Promise<object>;
  attempt(own: LockOwner): Promise<LockAttempt>;
  /** Releases the lock, and closes the connection if it exists only for the lock. */
  close(): Promise<void>;
  /** The server's name for a connection, and the statement that ends it. */
  describe(connection: number): { readonly process: string; readonly ending: string };
}

/** The holder may release the lock before its name is read. */
const ATTEMPTS = 3;

/** A lock that the server keeps for one connection and releases with it. */
export function connectionLock(server: ServerLock): AdvisoryLock {
  let held: { readonly connection: object; readonly number: number | null } | null = null;

  const isStanding = async () => held !== null && (await server.connection()) === held.connection;

  return {
    async take(own) {
      for (let attempts = 1; ; attempts += 1) {
        const connection = await server.connection();
        const { isTaken, holder, told } = await server.attempt(own);
        if (isTaken) {
          held = { connection, number: holder };
          return null;
        }
        if (holder === null && attempts < ATTEMPTS) continue;
        return {
          ...told,
          ...(holder === null ? { process: null, ending: null } : server.describe(holder)),
          isFormerSelf: holder !== null && holder === held?.number,
        };
      }
    },
    isStanding,
    async release() {
      held = null;
      await server.close();
    },
  };
}
