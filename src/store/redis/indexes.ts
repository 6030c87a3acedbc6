import { createHash } from 'node:crypto';
import { readIndex, type CachedSession, type IndexEntry } from './cached-session.ts';
import type { RedisConnection } from './connect-redis.ts';
import type { KeyReader } from './key-reader.ts';
import { answerWord } from './redis-refusals.ts';

/** What becomes of an index. */
export interface IndexChange {
  /** Of an empty one nothing is left. */
  readonly list: readonly IndexEntry[];
  /** Milliseconds that it lives from now on; null for as long as it would. */
  readonly life: number | null;
}

/** Better Auth's own lists of each user's sessions, `active-sessions-<userId>`. */
export interface Indexes {
  /** Takes the entries of these sessions out of the indexes of their users. */
  remove(sessions: readonly CachedSession[]): Promise<void>;
  /**
   * Changes indexes, each at once and only as it was read: what the application wrote meanwhile is read and judged again.
   * @param change null where nothing has to change
   */
  change(
    keys: readonly string[],
    change: (key: string, list: readonly IndexEntry[]) => IndexChange | null,
  ): Promise<void>;
  /** Makes an index of nobody, changes it and deletes it. */
  rehearse(): Promise<void>;
}

/**
 * Better Auth reads an index, changes it and writes it back, without a lock (its issue 11073). This replaces what was read
 * and nothing else, so that an entry that came meanwhile is not lost by it.
 */
const REPLACE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('UNLINK', KEYS[1])
  return 1
end
local life = tonumber(ARGV[3])
if life == 0 then life = redis.call('PTTL', KEYS[1]) end
if life > 0 then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', life)
else
  redis.call('SET', KEYS[1], ARGV[2])
end
return 1
`;

const REPLACE_SHA = createHash('sha1').update(REPLACE).digest('hex');

/** Milliseconds that a list of a rehearsal lives that was interrupted. */
const REHEARSAL = 1000;

/** How often an index is tried that changes under one's hands. An entry too many does no harm. */
const ATTEMPTS = 5;

/** @param prefix what the keys of indexes begin with */
export function createIndexes({ client }: RedisConnection, keys: KeyReader, prefix: string): Indexes {
  /** By its hash, and as a whole only to a server that does not know it yet. @returns whether it was replaced */
  const replace = async (key: string, was: string, becomes: string, life: number): Promise<boolean> => {
    const words = [1, key, was, becomes, life] as const;
    try {
      return (await client.evalsha(REPLACE_SHA, ...words)) === 1;
    } catch (error) {
      if (answerWord(error) !== 'NOSCRIPT') throw error;
      return (await client.eval(REPLACE, ...words)) === 1;
    }
  };

  const change: Indexes['change'] = async (indexKeys, judge) => {
    let pending = indexKeys;
    for (let attempt = 0; pending.length > 0 && attempt < ATTEMPTS; attempt += 1) {
      const values = await keys.values(pending);
      const refused = await Promise.all(
        pending.map(async (key, at) => {
          const value = values[at] ?? null;
          const list = value === null ? null : readIndex(value);
          const becomes = value === null || list === null ? null : judge(key, list);
          if (value === null || becomes === null) return null;
          const text = becomes.list.length === 0 ? '' : JSON.stringify(becomes.list);
          return (await replace(key, value, text, Math.ceil(becomes.life ?? 0))) ? null : key;
        }),
      );
      pending = refused.filter((key) => key !== null);
    }
  };

  return {
    change,

    async remove(sessions) {
      const gone = new Map<string, Set<string>>();
      for (const { token, session } of sessions) {
        const key = `${prefix}${session.userId ?? ''}`;
        gone.set(key, (gone.get(key) ?? new Set()).add(token));
      }
      await change([...gone.keys()], (key, list) => {
        const tokens = gone.get(key);
        const left = list.filter(({ token }) => tokens?.has(token) !== true);
        return left.length === list.length ? null : { list: left, life: null };
      });
    },

    // On a list of nobody, as a whole: the right to run a script is not yet the right to what stands in it.
    rehearse: async () => {
      const key = `${prefix}sessionctl-rehearsal`;
      const lists = ['[]', '[{"token":"","expiresAt":0}]'] as const;
      await client.set(key, lists[0], 'PX', REHEARSAL);
      await replace(key, lists[0], lists[1], REHEARSAL);
      await replace(key, lists[1], '', 0);
    },
  };
}
