import type { WayBack, WaysBackCounts, WaysBackStore } from '../../sessions/ways-back.ts';
import type { Directory } from '../database/directory.ts';
import { addresseeOf, LOCK, TRUSTED } from '../verification-owner.ts';
import type { RedisConnection } from './connect-redis.ts';
import { createKeyReader } from './key-reader.ts';
import { isFields, unwrapped, type Fields } from './read-value.ts';

/** A verification of one of the users, or null for an unreadable value. */
interface Theirs {
  readonly key: string;
  readonly kind: WayBack | null;
}

/**
 * The data that lets users in again, where secondary storage is used: Better Auth keeps verifications in Redis under
 * `verification:<identifier>`, and with `verification.storeInDatabase` also in the table (better-auth 1.7.25,
 * `db/internal-adapter`).
 */
export function withRedisVerifications(
  { waysBack, findUsers }: Pick<Directory, 'waysBack' | 'findUsers'>,
  connection: RedisConnection,
  prefix: string,
): WaysBackStore {
  const keys = createKeyReader(connection);
  const place = `${prefix}verification:`;

  const isTheirs = async (identifier: string, value: string, users: ReadonlySet<string>) => {
    if (users.has(value)) return true;
    const to = addresseeOf(identifier, value);
    if (to === null) return false;
    return users.has(to) || (await findUsers(to)).some(({ id }) => users.has(id));
  };

  async function* verificationsOf(userIds: readonly string[]): AsyncGenerator<Theirs> {
    const users = new Set(userIds);
    for await (const [key, text] of keys.texts(place)) {
      const found = unwrapped(text, isVerification);
      if (found === undefined) yield { key, kind: null };
      if (found === undefined) continue;
      const stored = found['identifier'];
      const identifier = typeof stored === 'string' ? stored : key.slice(place.length);
      if (identifier.startsWith(LOCK)) continue;
      const kind = identifier.startsWith(TRUSTED) ? 'trusted-devices' : 'verifications';
      if (await isTheirs(identifier, String(found['value']), users)) yield { key, kind };
    }
  }

  return {
    count: async (userIds): Promise<WaysBackCounts> => {
      const counts = await waysBack.count(userIds);
      if (userIds.length === 0) return counts;
      return connection.settle(async () => {
        const inRedis = { verifications: new Set<string>(), 'trusted-devices': new Set<string>() };
        let isKnown = true;
        for await (const { key, kind } of verificationsOf(userIds)) {
          if (kind === 'verifications' || kind === 'trusted-devices') inRedis[kind].add(key);
          else isKnown = false;
        }
        // A verification in both stores counts once.
        const both = (kind: keyof typeof inRedis) => {
          const rows = counts[kind];
          return isKnown && rows !== 'unknown' ? Math.max(rows ?? 0, inRedis[kind].size) : 'unknown';
        };
        return {
          ...counts,
          verifications: both('verifications'),
          'trusted-devices': both('trusted-devices'),
        };
      });
    },

    async end(kind, userIds) {
      let ended = 0;
      // Better Auth trusts Redis first.
      if (kind === 'verifications' || kind === 'trusted-devices') {
        await connection.settle(async () => {
          for await (const theirs of verificationsOf(userIds)) {
            if (theirs.kind !== kind) continue;
            await keys.unlink([theirs.key], async (command) => {
              ended += await command();
            });
          }
        });
      }
      return Math.max(ended, await waysBack.end(kind, userIds));
    },

    rehearse: (kinds) => waysBack.rehearse(kinds),
  };
}

function isVerification(value: unknown): value is Fields {
  return isFields(value) && typeof value['value'] === 'string' && 'expiresAt' in value;
}
