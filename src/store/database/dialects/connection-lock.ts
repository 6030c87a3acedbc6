import type { LockHolder, LockOwner } from '../../../sessions/run-lock.ts';
import type { AdvisoryLock } from './advisory-lock.ts';

/** What the server said of a lock that was tried for. */
export interface LockAttempt {
  /** The server's number of the connection that holds the lock now; null where its holder has just let it go. */
  readonly holder: number | null;
  readonly isTaken: boolean;
  /** Of somebody else. */
  readonly told: LockHolder;
}

export interface ServerLock {
  /** The connection that the lock stands on: the one that there is, or a new one where that was lost. */
  connection(): Promise<object>;
  attempt(own: LockOwner): Promise<LockAttempt>;
  /** Releases the lock, and the connection where it is there for the lock alone. */
  close(): Promise<void>;
  /** How the server calls a connection, and the statement that ends it. */
  describe(connection: number): { readonly process: string; readonly ending: string };
}

/** Whoever holds the lock may let it go before it is asked for its name. */
const ATTEMPTS = 3;

/** A lock that the server keeps for one connection, and lets go with it. */
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
