import type { RedisConnection } from './connect-redis.ts';

/**
 * Better Auth never lowers a mark (1.7.25, `db/internal-adapter`, deleteCachedUserSessions); nor is its life cut here. One
 * moment for each key, then the life of all.
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

/** Keys that one run of the script looks at, so that nobody else waits for it. */
const AT_ONCE = 50;

/** When the sessions of a user ended, in the key that says so. */
export interface Mark {
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly before: number;
}

/** Sets marks, each at once, and never below what it says. @param life in milliseconds */
export async function raiseMarks(
  { client, isCluster }: Pick<RedisConnection, 'client' | 'isCluster'>,
  marks: readonly Mark[],
  life: number,
): Promise<void> {
  // Of a cluster, keys that go together in a script have to lie together as well.
  const most = isCluster ? 1 : AT_ONCE;
  for (let from = 0; from < marks.length; from += most) {
    const some = marks.slice(from, from + most);
    const moments = some.map(({ before }) => String(before));
    await client.eval(RAISE, some.length, ...some.map(({ key }) => key), ...moments, String(life));
  }
}
