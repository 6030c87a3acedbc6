import { millisecondsOf } from '../../sessions/instant.ts';
import type { WayBack, WaysBackStore } from '../../sessions/ways-back.ts';
import type { Directory } from '../database/directory.ts';
import { addresseeOf, LOCK, TRUSTED } from '../combined/verification-owner.ts';
import type { RedisConnection } from './connect-redis.ts';
import { createKeyReader } from './key-reader.ts';
import { isFields, unwrapped, type Fields } from './read-value.ts';

const kindsInRedis = ['verifications', 'trusted-devices', 'api-keys'] as const;
type KindInRedis = (typeof kindsInRedis)[number];

/** What one of the users has under a key, or may have under a key that is unreadable. */
type Found =
  | { readonly key: string; readonly kind: KindInRedis; readonly id: string }
  | { readonly unreadable: readonly KindInRedis[] };

/**
 * The data that lets users in again, where secondary storage is used. Better Auth keeps verifications in Redis under
 * `verification:<identifier>`, and with `verification.storeInDatabase` also in the table (better-auth 1.7.25,
 * `db/internal-adapter`). With `storage: "secondary-storage"` the API key plugin keeps an API key under
 * `api-key:<hash>` and `api-key:by-id:<id>`, and with `fallbackToDatabase` also in the table (@better-auth/api-key
 * 1.7.5). Better Auth trusts Redis first.
 */
export function withRedisWaysBack(
  { waysBack, findUsers, now }: Pick<Directory, 'waysBack' | 'findUsers' | 'now'>,
  connection: RedisConnection,
  prefix: string,
): WaysBackStore {
  const { client, settle } = connection;
  const keys = createKeyReader(connection);
  const verification = `${prefix}verification:`;
  const apiKey = `${prefix}api-key:`;
  /** A user's API keys, today and in earlier releases. They may be incomplete. */
  const lists = [`${apiKey}by-ref:`, `${apiKey}by-user:`];
  const mayLetIn = (key: string) =>
    key.startsWith(verification) ||
    (key.startsWith(apiKey) && !lists.some((beginning) => key.startsWith(beginning)));

  /** One walk through all keys. A key may occur twice. */
  async function* foundOf(userIds: readonly string[]): AsyncGenerator<Found> {
    const users = new Set(userIds);
    for await (const page of keys.scan(prefix)) {
      const some = page.filter(mayLetIn);
      const texts = await keys.values(some);
      const gone = await keys.missing(some.filter((_, at) => texts[at] === null));
      for (const [at, key] of some.entries()) {
        if (gone.has(key)) continue;
        // A value of another type than text is unreadable.
        const text = texts[at] ?? '';
        const found = key.startsWith(apiKey)
          ? apiKeyOf(users, key, text)
          : await verificationOf(users, key, text);
        if (found !== null) yield found;
      }
    }
  }

  const apiKeyOf = (users: ReadonlySet<string>, key: string, text: string): Found | null => {
    const found = unwrapped(text, isApiKey);
    if (found === undefined) return { unreadable: ['api-keys'] };
    const { referenceId, userId, enabled, expiresAt } = found;
    if (!users.has(String(referenceId ?? userId)) || enabled === false) return null;
    if (Date.parse(String(expiresAt)) < millisecondsOf(now)) return null;
    // sessionctl can read the wrapper of an adapter, but not write it, so it could not disable the API key.
    if (text !== JSON.stringify(found)) return { unreadable: ['api-keys'] };
    return { key, kind: 'api-keys', id: String(found['id']) };
  };

  const verificationOf = async (
    users: ReadonlySet<string>,
    key: string,
    text: string,
  ): Promise<Found | null> => {
    const found = unwrapped(text, isVerification);
    if (found === undefined) return { unreadable: ['verifications', 'trusted-devices'] };
    const stored = found['identifier'];
    const identifier = typeof stored === 'string' ? stored : key.slice(verification.length);
    if (identifier.startsWith(LOCK)) return null;
    const kind = identifier.startsWith(TRUSTED) ? 'trusted-devices' : 'verifications';
    return (await isTheirs(identifier, String(found['value']), users)) ? { key, kind, id: key } : null;
  };

  const isTheirs = async (identifier: string, value: string, users: ReadonlySet<string>) => {
    if (users.has(value)) return true;
    const to = addresseeOf(identifier, value);
    if (to === null) return false;
    return users.has(to) || (await findUsers(to)).some(({ id }) => users.has(id));
  };

  /** The other fields, and the lifetime, stay as they are. */
  const disable = async (key: string) => {
    const found = unwrapped((await client.get(key)) ?? '', isApiKey);
    if (found !== undefined)
      await client.set(key, JSON.stringify({ ...found, enabled: false }), 'KEEPTTL', 'XX');
  };

  return {
    count: async (userIds) => {
      const counts = await waysBack.count(userIds);
      if (userIds.length === 0) return counts;
      const ids = idsByKind();
      const unreadable = new Set<WayBack>();
      await settle(async () => {
        for await (const found of foundOf(userIds))
          if ('unreadable' in found) for (const kind of found.unreadable) unreadable.add(kind);
          else ids[found.kind].add(found.id);
      });
      const inBoth = (kind: KindInRedis) => {
        const rows = counts[kind];
        const { size } = ids[kind];
        if (unreadable.has(kind) || rows === 'unknown') return 'unknown';
        // The plugin may not be in use.
        if (kind === 'api-keys' && rows === null && size === 0) return null;
        // What is in both stores counts once.
        return Math.max(rows ?? 0, size);
      };
      return {
        ...counts,
        verifications: inBoth('verifications'),
        'trusted-devices': inBoth('trusted-devices'),
        'api-keys': inBoth('api-keys'),
      };
    },

    async *end(kinds, userIds) {
      const ids = idsByKind();
      if (kindsInRedis.some((kind) => kinds.includes(kind)))
        await settle(async () => {
          for await (const found of foundOf(userIds)) {
            if ('unreadable' in found || !kinds.includes(found.kind)) continue;
            if (found.kind === 'api-keys') await disable(found.key);
            else await client.unlink(found.key);
            ids[found.kind].add(found.id);
          }
        });
      const inRedis: Partial<Record<WayBack, ReadonlySet<string>>> = ids;
      for await (const [kind, rows] of waysBack.end(kinds, userIds))
        yield [kind, Math.max(inRedis[kind]?.size ?? 0, rows)];
    },

    async rehearse(kinds) {
      await waysBack.rehearse(kinds);
      // This sets nothing, since the key does not exist.
      if (kinds.has('api-keys'))
        await settle(() => client.set(`${prefix}sessionctl-rehearsal`, '', 'KEEPTTL', 'XX'));
    },
  };
}

function idsByKind(): Readonly<Record<KindInRedis, Set<string>>> {
  return { verifications: new Set(), 'trusted-devices': new Set(), 'api-keys': new Set() };
}

function isVerification(value: unknown): value is Fields {
  return isFields(value) && typeof value['value'] === 'string' && 'expiresAt' in value;
}

function isApiKey(value: unknown): value is Fields {
  return isFields(value) && typeof value['key'] === 'string' && 'enabled' in value;
}
