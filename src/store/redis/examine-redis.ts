import type { SampledSession, SecondaryExamination, SecondaryServer } from '../../sessions/examination.ts';
import type { RedisConnection } from './connect-redis.ts';
import { createKeyReader } from './key-reader.ts';
import type { SecondaryStorage } from './secondary-storage.ts';

/** Pages of a scan that are read for a sample. In a Redis full of other keys, more would take too long. */
const PAGES_LOOKED_AT = 400;

type RedisExamination = Omit<SecondaryExamination, 'findMismatch' | 'leftovers' | 'strays'>;

/** The checks of a Redis. They never change or create a key. */
export function examineRedis(
  connection: RedisConnection,
  secondary: SecondaryStorage,
  keyPrefix: string,
): RedisExamination {
  const { client, guard, nodes, place } = connection;
  const keys = createKeyReader(connection);
  return {
    place,
    keyPrefix,

    servers: () => guard(() => Promise.all(nodes().map(async (node) => serverOf(await node.info())))),

    rehearse: () =>
      guard(async () => {
        const nobodys = `${keyPrefix}sessionctl-rehearsal`;
        await client.unlink(nobodys);
        // This sets a key only if it exists.
        await client.set(nobodys, '', 'PX', 1, 'XX');
        await client.eval('return 0', 1, nobodys);
        await keys.scan(keyPrefix).next();
      }),

    async sample(most) {
      const sessions: SampledSession[] = [];
      let withoutLifetime = 0;
      let pages = 0;
      for await (const page of secondary.scan()) {
        pages += 1;
        const some = page.sessions.slice(0, most - sessions.length);
        withoutLifetime += await guard(
          async () => (await keys.immortal(some.map(({ token }) => `${keyPrefix}${token}`))).size,
        );
        sessions.push(
          ...some.map(({ session }) => ({
            id: session.id,
            userId: session.userId,
            createdAt: session.createdAt,
            updatedAt: session.updatedAt,
            expiresAt: session.expiresAt,
            ipAddress: session.ipAddress,
            isImpersonation: session.impersonatedBy !== null,
          })),
        );
        if (some.length < page.sessions.length || sessions.length >= most || pages >= PAGES_LOOKED_AT)
          return { sessions, withoutLifetime, isWhole: false, unreadable: [] };
      }
      return { sessions, withoutLifetime, isWhole: true, unreadable: [] };
    },
  };
}

/** Reads the output of INFO; a server may omit some of it. */
function serverOf(info: string): SecondaryServer {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const limit = field('maxmemory');
  const valkey = field('valkey_version');
  return {
    server: valkey === undefined ? `Redis ${field('redis_version') ?? ''}`.trim() : `Valkey ${valkey}`,
    isReplica: field('role') === 'slave',
    evictionPolicy: field('maxmemory_policy') ?? null,
    memoryLimit: limit === undefined ? null : Number(limit),
  };
}
