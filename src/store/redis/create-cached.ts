import { FailedError } from '../../errors.ts';
import { readIndex, readWrappedIndex, type IndexEntry } from './cached-session.ts';
import type { RedisConnection } from './connect-redis.ts';

/** A session as it is written to secondary storage. */
export interface CachedRecord {
  readonly userId: string;
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** `{"session":{…},"user":{…}}` */
  readonly value: string;
}

/** Writes sessions as Better Auth does (better-auth 1.7.25, `db/internal-adapter`, createSession). */
export interface CachedCreation {
  /**
   * The list of the user first, then the session itself: an entry too many does no harm, and a session that no list names
   * is not found by its user. @param now milliseconds since 1970
   */
  create(record: CachedRecord, now: number): Promise<void>;
}

/**
 * Better Auth reads the list, changes it and writes it back without a lock (its issue 11073). This replaces what was read and
 * nothing else, so that an entry that came meanwhile is not lost by it.
 */
const PUT = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
`;

/** How often a list is tried that changes under one's hands. */
const ATTEMPTS = 20;

/** @param connection carries its work to the end with `settle` */
export function createCachedCreation({ client, settle }: RedisConnection, prefix: string): CachedCreation {
  const addToIndex = async ({ userId, token, expiresAt }: CachedRecord, now: number) => {
    const key = `${prefix}active-sessions-${userId}`;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const was = (await client.get(key)) ?? '';
      if (readIndex(was) === null && readWrappedIndex(was) !== null)
        throw new FailedError(
          "the application's adapter writes values to Redis in a form that sessionctl reads, and does not write",
          { hint: 'Sign in through the application.' },
        );
      // What is no list Better Auth replaces by a new one.
      const live = (readIndex(was) ?? []).filter((entry) => entry.expiresAt > now && entry.token !== token);
      const list: IndexEntry[] = [...live, { token, expiresAt }].sort((a, b) => a.expiresAt - b.expiresAt);
      const lifetime = secondsUntil(Math.max(...list.map((entry) => entry.expiresAt)), now);
      if ((await client.eval(PUT, 1, key, was, JSON.stringify(list), lifetime)) === 1) return;
    }
    throw new Error(
      `the list of a user's sessions in Redis changed ${String(ATTEMPTS)} times under sessionctl's hands`,
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

/** As Better Auth's `getTTLSeconds`. */
function secondsUntil(expiresAt: number, now: number): number {
  return Math.max(Math.floor((expiresAt - now) / 1000), 1);
}
