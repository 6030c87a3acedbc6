import { millisecondsOf, type Instant } from '../../sessions/instant.ts';
import type { WaysBackStore } from '../../sessions/ways-back.ts';
import type { RedisConnection } from './connect-redis.ts';
import { createKeyReader } from './key-reader.ts';
import { isFields, type Fields } from './read-value.ts';

interface FoundKey {
  readonly id: string;
  /** The keys in Redis that hold it. */
  readonly places: readonly string[];
}

/**
 * API keys of the plugin's `storage: "secondary-storage"`: an API key is in Redis under `api-key:<hash>` and
 * `api-key:by-id:<id>`, and with `fallbackToDatabase` also in the table. Better Auth trusts Redis first
 * (@better-auth/api-key 1.7.25). Its list of a user's keys may be incomplete, so all API keys are read.
 * @param now a key with an earlier expiry has expired
 */
export function withRedisApiKeys(
  waysBack: WaysBackStore,
  connection: RedisConnection,
  prefix: string,
  now: Instant,
): WaysBackStore {
  const { client, settle } = connection;
  const keys = createKeyReader(connection);
  const place = `${prefix}api-key:`;
  const byId = `${place}by-id:`;

  /** The users' enabled keys, or null for an unreadable value. A key may occur twice. */
  async function* keysOf(userIds: readonly string[]): AsyncGenerator<FoundKey | null> {
    const users = new Set(userIds);
    for await (const [key, text] of keys.texts(byId)) {
      const found = readApiKey(text);
      if (found === null) yield null;
      else if (users.has(String(found['referenceId'] ?? found['userId'])) && isUsable(found))
        yield { id: key.slice(byId.length), places: [key, `${place}${String(found['key'])}`] };
    }
  }

  const isUsable = ({ enabled, expiresAt }: Fields) =>
    enabled !== false && !(Date.parse(String(expiresAt)) < millisecondsOf(now));

  /** The other fields, and the lifetime, stay as they are. */
  const disable = async (key: string) => {
    const fields = readApiKey((await client.get(key)) ?? '');
    if (fields !== null)
      await client.set(key, JSON.stringify({ ...fields, enabled: false }), 'KEEPTTL', 'XX');
  };

  return {
    count: async (userIds) => {
      const counts = await waysBack.count(userIds);
      const rows = counts['api-keys'];
      if (userIds.length === 0 || rows === 'unknown') return counts;
      return settle(async () => {
        const ids = new Set<string>();
        for await (const found of keysOf(userIds)) {
          if (found === null) return { ...counts, 'api-keys': 'unknown' };
          ids.add(found.id);
        }
        // A key in both stores counts once.
        return { ...counts, 'api-keys': ids.size === 0 ? rows : Math.max(rows ?? 0, ids.size) };
      });
    },

    async end(kind, userIds) {
      const ids = new Set<string>();
      if (kind === 'api-keys')
        await settle(async () => {
          for await (const found of keysOf(userIds)) {
            if (found === null) continue;
            for (const key of found.places) await disable(key);
            ids.add(found.id);
          }
        });
      return Math.max(ids.size, await waysBack.end(kind, userIds));
    },

    async rehearse(kinds) {
      await waysBack.rehearse(kinds);
      // This sets nothing, since the key does not exist.
      if (kinds.has('api-keys'))
        await settle(() => client.set(`${prefix}sessionctl-rehearsal`, '', 'KEEPTTL', 'XX'));
    },
  };
}

/**
 * Values in an adapter's wrapper are left out: sessionctl could read them, but not write them in the adapter's form.
 */
function readApiKey(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) && typeof value['key'] === 'string' && 'enabled' in value ? value : null;
  } catch {
    return null;
  }
}
