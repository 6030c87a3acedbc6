import { FailedError } from '../../errors.ts';
import { readIndex, readWrappedIndex, type IndexEntry } from './cached-session.ts';
import type { RedisConnection } from './connect-redis.ts';

/** A session in the form for secondary storage. */
export interface CachedRecord {
  readonly userId: string;
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** `{"session":{…},"user":{…}}` */
  readonly value: string;
}

/** Writes sessions like Better Auth (better-auth 1.7.25, `db/internal-adapter`, createSession). */
export interface CachedCreation {
  /**
   * Writes the user's list first, then the session itself: an extra entry does no harm, but a session that no list
   * names is not found by its user.
   * @param now milliseconds since 1970
   */
  create(record: CachedRecord, now: number): Promise<void>;
}

/**
 * Better Auth reads the list, changes it and writes it back without a lock (its issue 11073). This script replaces the
 * list only if it is unchanged since it was read, so that a new entry is not lost.
 */
const PUT = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
`;

/** Attempts to replace a list that keeps changing. */
const ATTEMPTS = 20;

/** @param connection its `settle` runs the work to its end */
export function createCachedCreation({ client, settle }: RedisConnection, prefix: string): CachedCreation {
  const addToIndex = async ({ userId, token, expiresAt }: CachedRecord, now: number) => {
    const key = `${prefix}active-sessions-${userId}`;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const was = (await client.get(key)) ?? '';
      if (readIndex(was) === null && readWrappedIndex(was) !== null)
        throw new FailedError(
          "the application's adapter writes values to Redis in a form that sessionctl can read but not write",
          { hint: 'Sign in through the application.' },
        );
      // Better Auth replaces a value that is not a list with a new list.
      const live = (readIndex(was) ?? []).filter((entry) => entry.expiresAt > now && entry.token !== token);
      const list: IndexEntry[] = [...live, { token, expiresAt }].sort((a, b) => a.expiresAt - b.expiresAt);
      const lifetime = secondsUntil(Math.max(...list.map((entry) => entry.expiresAt)), now);
      if ((await client.eval(PUT, 1, key, was, JSON.stringify(list), lifetime)) === 1) return;
    }
    throw new Error(
      `the list of a user's sessions in Redis changed ${String(ATTEMPTS)} times while sessionctl was changing it`,
    );
  };

  return {
    create: (record, now) =>
      settle(async () => {
        await addToIndex(record, now);
        await client.set(`${prefix}${record.token}`, record.value, 'EX', secondsUntil(record.expiresAt, now));
      }),
  };
}

/** The same as Better Auth's `getTTLSeconds`. */
function secondsUntil(expiresAt: number, now: number): number {
  return Math.max(Math.floor((expiresAt - now) / 1000), 1);
}
