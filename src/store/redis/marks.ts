import type { RedisConnection } from './connect-redis.ts';

/**
 * Better Auth never lowers a mark (1.7.25, `db/internal-adapter`, deleteCachedUserSessions), and this script never
 * shortens its lifetime. Arguments: one moment for each key, then the lifetime of all.
 */
const RAISE = `
local life = tonumber(ARGV[#KEYS + 1])
for at, key in ipairs(KEYS) do
  local was = redis.call('GET', key)
  local before = ARGV[at]
  if was and (tonumber(was) or 0) > tonumber(before) then before = was end
  redis.call('SET', key, before, 'PX', math.max(life, redis.call('PTTL', key)))
end
`;

/** Keys in one run of the script, so that other clients do not wait for it. */
const AT_ONCE = 50;

/** The key that records when the sessions of a user ended, and the moment. */
export interface Mark {
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly before: number;
}

/**
 * Sets each mark in one step, and never lowers it.
 * @param life in milliseconds
 */
export async function raiseMarks(
  { client, isCluster }: Pick<RedisConnection, 'client' | 'isCluster'>,
  marks: readonly Mark[],
  life: number,
): Promise<void> {
  // In a cluster, all keys of one script run must be on the same node.
  const most = isCluster ? 1 : AT_ONCE;
  for (let from = 0; from < marks.length; from += most) {
    const some = marks.slice(from, from + most);
    const moments = some.map(({ before }) => String(before));
    await client.eval(RAISE, some.length, ...some.map(({ key }) => key), ...moments, String(life));
  }
}
