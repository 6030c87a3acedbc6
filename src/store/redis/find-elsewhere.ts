import type { Cluster, Redis } from 'ioredis';
import type { SecondaryPlace } from '../../sessions/reading-store.ts';
import type { RedisConnection } from './connect-redis.ts';

/** Keys that one step of a scan reads, and the number of steps in each database of Redis. Then the search ends. */
const SCANNED = 1000;
const MOST_STEPS = 200;
/** Maximum users' lists that are read for each prefix. */
const MOST_LISTS = 500;

/** The key of Better Auth's list of a user's sessions; the text before it is the prefix of the deployment. */
const LIST = 'active-sessions-';

/** @returns the ids among these that have a user */
export type ExistingUserIds = (ids: readonly string[]) => Promise<ReadonlySet<string>>;

/**
 * Finds where else in the same Redis users of the database have sessions, by Better Auth's lists of them: under other
 * prefixes, and in other databases if the account may read them.
 * @param existingUserIds null where users are not known: then every user's lists count
 * @returns the place with the most users first
 */
export async function findElsewhere(
  { client, nodes, guard }: RedisConnection,
  keyPrefix: string,
  existingUserIds: ExistingUserIds | null,
): Promise<readonly SecondaryPlace[]> {
  const places: SecondaryPlace[] = [];
  const search = async (servers: readonly Redis[], database: number | null) => {
    const lists = new Map<string, Set<string>>();
    for (const server of servers) await collectLists(server, lists);
    if (database === null) lists.delete(keyPrefix);
    for (const [prefix, userIds] of lists) {
      const known = existingUserIds === null ? userIds : await existingUserIds([...userIds]);
      if (known.size > 0) places.push({ keyPrefix: prefix, database, users: known.size });
    }
  };
  await guard(() => search(nodes(), null));
  if (!('nodes' in client)) {
    for (const number of await otherDatabases(client)) {
      // A Redis user may be restricted to one database.
      await guard(() => inDatabase(client, number, (server) => search([server], number))).catch(
        () => undefined,
      );
    }
  }
  return places.sort((one, other) => other.users - one.users);
}

async function collectLists(server: Redis, lists: Map<string, Set<string>>): Promise<void> {
  let cursor = '0';
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const [next, keys] = await server.scan(cursor, 'MATCH', `*${LIST}*`, 'COUNT', SCANNED);
    for (const key of keys) {
      const at = key.lastIndexOf(LIST);
      const prefix = key.slice(0, at);
      const users = lists.get(prefix) ?? new Set<string>();
      if (users.size < MOST_LISTS) users.add(key.slice(at + LIST.length));
      lists.set(prefix, users);
    }
    if (next === '0') return;
    cursor = next;
  }
}

/** The numbers of other databases that hold keys; none if Redis does not report them. */
async function otherDatabases(
  client: Exclude<RedisConnection['client'], Cluster>,
): Promise<readonly number[]> {
  const keyspace = await client.info('keyspace').catch(() => '');
  const numbers = [...keyspace.matchAll(/^db(\d+):/gm)].map(([, number]) => Number(number));
  return numbers.filter((number) => number !== (client.options.db ?? 0));
}

/** On a separate connection: a client that cannot select the database of its options would continue in database 0. */
async function inDatabase(
  client: Redis,
  number: number,
  work: (server: Redis) => Promise<void>,
): Promise<void> {
  const server = client.duplicate({ db: 0, retryStrategy: () => null });
  server.on('error', () => undefined);
  try {
    await server.connect();
    await server.select(number);
    await work(server);
  } finally {
    server.disconnect();
  }
}
