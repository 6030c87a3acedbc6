import { readIndex, type CachedSession, type IndexEntry } from './cached-session.ts';
import type { RedisConnection } from './connect-redis.ts';
import type { KeyReader } from './key-reader.ts';

/** The new state of an index. */
export interface IndexChange {
  /** An empty index is deleted. */
  readonly list: readonly IndexEntry[];
  /** The new lifetime in milliseconds; null keeps the present one. */
  readonly life: number | null;
}

/**
 * An index as it was read: its exact text, and its meaning; null where there is none, or where the value is something
 * else.
 */
export interface ReadIndex {
  readonly text: string | null;
  readonly list: readonly IndexEntry[] | null;
}

/** Better Auth's own lists of each user's sessions, `active-sessions-<userId>`. */
export interface Indexes {
  /** Removes the entries of these sessions from their users' indexes. */
  remove(sessions: readonly CachedSession[]): Promise<void>;
  /**
   * Changes indexes. Each is replaced at once, and only if it is unchanged since it was read; otherwise it is read and
   * judged again.
   * @param change null where nothing has to change
   * @param known those indexes, where they have just been read
   */
  change(
    keys: readonly string[],
    change: (key: string, list: readonly IndexEntry[]) => IndexChange | null,
    known?: readonly ReadIndex[],
  ): Promise<void>;
  read(keys: readonly string[]): Promise<readonly ReadIndex[]>;
  /** Creates an index that belongs to no user, changes it and deletes it. */
  rehearse(): Promise<void>;
}

/**
 * Better Auth reads an index, changes it and writes it back without a lock (its issue 11073). This script replaces an
 * index only if it is unchanged since it was read, so that a new entry is not lost. Three arguments for each key: the
 * text that was read, the new text, and its lifetime. Answers for each key whether it was replaced.
 */
const REPLACE = `
local replaced = {}
for at, key in ipairs(KEYS) do
  local becomes, life = ARGV[at * 3 - 1], tonumber(ARGV[at * 3])
  if redis.call('GET', key) ~= ARGV[at * 3 - 2] then
    replaced[at] = 0
  else
    replaced[at] = 1
    if life == 0 and becomes ~= '' then life = redis.call('PTTL', key) end
    if becomes == '' then
      redis.call('UNLINK', key)
    elseif life > 0 then
      redis.call('SET', key, becomes, 'PX', life)
    else
      redis.call('SET', key, becomes)
    end
  end
end
return replaced
`;

/** Lifetime of a rehearsal's list, in milliseconds, in case the rehearsal is interrupted. */
const REHEARSAL = 1000;

/**
 * Maximum indexes, and approximate maximum text, in one run of the script, so that other clients do not wait for it.
 */
const AT_ONCE = 50;
const TEXT_AT_ONCE = 1 << 16;

/** Attempts to replace an index that keeps changing. An extra entry does no harm. */
const ATTEMPTS = 5;

const NONE: ReadIndex = { text: null, list: null };

/**
 * An index as it was read; its new text, empty to delete it; and its lifetime in milliseconds, 0 to keep the present
 * one.
 */
interface Replacement {
  readonly key: string;
  readonly was: string;
  readonly becomes: string;
  readonly life: number;
}

/** @param prefix the beginning of the keys of indexes */
export function createIndexes(
  { client, isCluster }: RedisConnection,
  keys: KeyReader,
  prefix: string,
): Indexes {
  /** @returns keys that have changed */
  const replace = async (some: readonly Replacement[]): Promise<readonly string[]> => {
    const replaced: unknown = await client.eval(
      REPLACE,
      some.length,
      ...some.map(({ key }) => key),
      ...some.flatMap(({ was, becomes, life }) => [was, becomes, life]),
    );
    return some.flatMap(({ key }, at) => (Array.isArray(replaced) && replaced[at] === 1 ? [] : [key]));
  };

  const read: Indexes['read'] = async (indexKeys) =>
    (await keys.values(indexKeys)).map((text) => ({ text, list: text === null ? null : readIndex(text) }));

  const change: Indexes['change'] = async (indexKeys, judge, known) => {
    let pending = indexKeys;
    let present = known ?? (await read(pending));
    for (let attempt = 1; ; attempt += 1) {
      const replacements = pending.flatMap((key, at) => {
        const { text: was, list } = present[at] ?? NONE;
        const change = list === null ? null : judge(key, list);
        if (was === null || change === null) return [];
        const becomes = change.list.length === 0 ? '' : JSON.stringify(change.list);
        return [{ key, was, becomes, life: Math.ceil(change.life ?? 0) }];
      });
      // In a cluster, all keys of one script run must be on the same node.
      const refused = await Promise.all([...partsOf(replacements, isCluster ? 1 : AT_ONCE)].map(replace));
      pending = refused.flat();
      if (pending.length === 0 || attempt >= ATTEMPTS) return;
      present = await read(pending);
    }
  };

  return {
    read,
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

    // Uses a list that belongs to no user, and the whole script: the right to run a script does not include the rights
    // to the commands in it.
    rehearse: async () => {
      const key = `${prefix}sessionctl-rehearsal`;
      const lists = ['[]', '[{"token":"","expiresAt":0}]'] as const;
      await client.set(key, lists[0], 'PX', REHEARSAL);
      await replace([{ key, was: lists[0], becomes: lists[1], life: REHEARSAL }]);
      await replace([{ key, was: lists[1], becomes: '', life: 0 }]);
    },
  };
}

function* partsOf(replacements: readonly Replacement[], most: number): Generator<readonly Replacement[]> {
  let part: Replacement[] = [];
  let text = 0;
  for (const replacement of replacements) {
    part.push(replacement);
    text += replacement.was.length + replacement.becomes.length;
    if (part.length < most && text < TEXT_AT_ONCE) continue;
    yield part;
    part = [];
    text = 0;
  }
  if (part.length > 0) yield part;
}
