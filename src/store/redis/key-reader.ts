import type { Redis } from 'ioredis';
import type { RedisConnection } from './connect-redis.ts';
import type { CountDeletion } from './deletions.ts';
import { answerWord } from './redis-refusals.ts';

/** A key with the text that it holds; null for one that holds none, or none that was read. */
export type Found = readonly [key: string, value: string | null];

/** Reads and deletes keys, of one server or of all nodes of a cluster. */
export interface KeyReader {
  /** The text of each key, in order; null where there is none, or something else such as a hash. */
  values(keys: readonly string[]): Promise<readonly (string | null)[]>;
  /** The keys that begin with the prefix, page by page. A key may come twice, and one that comes or goes meanwhile, or not. */
  scan(prefix: string): AsyncGenerator<readonly string[]>;
  /**
   * Those of the keys that may be sessions, with their text. Values of other applications may be of any size: of a key that
   * does not look like a session's, the beginning is read first, and no more where no session begins so.
   */
  sessionValues(keys: readonly string[], prefix: string): Promise<readonly Found[]>;
  /** Those of the keys that are not there. */
  missing(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Those of the keys that are there and have no lifetime. */
  immortal(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Milliseconds that each of the keys lives from now on; null for one that stays. Without those that are not there. */
  lifetimes(keys: readonly string[]): Promise<ReadonlyMap<string, number | null>>;
  /** Deletes keys; the server frees their memory afterwards. */
  unlink(keys: readonly string[], count: CountDeletion): Promise<void>;
}

/**
 * `JSON.stringify({ session, user })`, as Better Auth hands it to the storage. Up to 1.3 a sign-in puts the user in front.
 * An adapter may have wrapped it.
 */
const BEGINNINGS = ['{"session"', '{"user"'];
/** Characters. An envelope, spaces and backslashes may stand in it. */
const LOOKED_AT = 128;

/** Keys that one step of a scan looks at: with more, the application's own requests begin to wait. */
const SCANNED = 500;

/** Keys that one command asks about: with more, others would wait. */
const ASKED_AT_ONCE = 500;

/** Better Auth's own tokens: `generateId(32)` (better-auth 1.7.25). Up to 1.0 most have a `-` or a `_`. */
const USUAL_TOKEN = /^[\w-]{32}$/;
/** What an application may make of them in a hook. */
const POSSIBLE_TOKEN = /^[\w-]{16,256}$/;
/** A digest in hexadecimal, such as the key of a cache. A token of 32 letters and digits never looks so by chance. */
const DIGEST = /^[0-9a-f]+$/;

/** What PTTL answers for a key that stays for ever, and for one that is not there. */
const NO_LIFETIME = -1;
const NO_KEY = -2;

export function createKeyReader({ client, isCluster, nodes }: RedisConnection): KeyReader {
  const values: KeyReader['values'] = async (keys) => {
    if (keys.length === 0) return [];
    if (isCluster) return Promise.all(keys.map((key) => client.get(key).catch(nullForOtherTypes)));
    return client.mget([...keys]);
  };

  const beginnings = (keys: readonly string[]): Promise<readonly (string | null)[]> =>
    Promise.all(keys.map((key) => client.getrange(key, 0, LOOKED_AT - 1).catch(nullForOtherTypes)));

  /** Mostly all of them are there, or none: then one answer tells of many. */
  const missingOf = async (keys: readonly string[]): Promise<readonly string[]> => {
    if (isCluster) {
      const found = await Promise.all(keys.map((key) => client.exists(key)));
      return keys.filter((_, at) => found[at] === 0);
    }
    if (keys.length === 0) return [];
    const found = await client.exists([...keys]);
    if (found === keys.length) return [];
    if (found === 0) return keys;
    const half = Math.ceil(keys.length / 2);
    const parts = await Promise.all([missingOf(keys.slice(0, half)), missingOf(keys.slice(half))]);
    return parts.flat();
  };

  const lifetimes: KeyReader['lifetimes'] = async (keys) => {
    const lives = await Promise.all(keys.map(async (key) => [key, await client.pttl(key)] as const));
    const there = lives.filter(([, life]) => life !== NO_KEY);
    return new Map(there.map(([key, life]) => [key, life === NO_LIFETIME ? null : life]));
  };

  return {
    values,

    async *scan(prefix) {
      for (const node of nodes()) yield* scanNode(node, `${escaped(prefix)}*`);
    },

    async sessionValues(keys, prefix) {
      const usual: string[] = [];
      const odd: string[] = [];
      for (const key of keys) (USUAL_TOKEN.test(key.slice(prefix.length)) ? usual : odd).push(key);
      const begun = await beginnings(odd);
      const likely: string[] = [];
      const unread: string[] = [];
      for (const [at, key] of odd.entries()) {
        const text = (begun[at] ?? '').replace(/[\s\\]/g, '');
        if (BEGINNINGS.some((beginning) => text.includes(beginning))) likely.push(key);
        else if (POSSIBLE_TOKEN.test(key.slice(prefix.length))) unread.push(key);
      }
      const wanted = [...usual, ...likely];
      const texts = await values(wanted);
      return [
        ...wanted.map((key, at) => [key, texts[at] ?? null] as const),
        ...unread.map((key) => [key, null] as const),
      ];
    },

    async missing(keys) {
      const parts: Promise<readonly string[]>[] = [];
      for (let from = 0; from < keys.length; from += ASKED_AT_ONCE)
        parts.push(missingOf(keys.slice(from, from + ASKED_AT_ONCE)));
      return new Set((await Promise.all(parts)).flat());
    },

    lifetimes,

    immortal: async (keys) => {
      const lives = await lifetimes(keys);
      return new Set(keys.filter((key) => lives.get(key) === null));
    },

    async unlink(keys, count) {
      if (keys.length === 0) return;
      if (isCluster) await Promise.all(keys.map((key) => count(() => client.unlink(key))));
      else await count(() => client.unlink([...keys]));
    },
  };
}

/** Whether a token looks so much like one of Better Auth's own that nothing else is to be expected under it. */
export function looksLikeToken(text: string): boolean {
  return USUAL_TOKEN.test(text) && !DIGEST.test(text);
}

/** A key may hold a hash or a list, of another application or of an adapter that stores sessions so. */
function nullForOtherTypes(error: unknown): null {
  if (answerWord(error) === 'WRONGTYPE') return null;
  throw error;
}

/** The next step is under way while the keys of the last one are looked at. */
async function* scanNode(node: Redis, pattern: string): AsyncGenerator<readonly string[]> {
  const step = (cursor: string) => {
    const next = node.scan(cursor, 'MATCH', pattern, 'COUNT', SCANNED);
    // If the caller stops early, nothing waits for this step any more.
    next.catch(() => undefined);
    return next;
  };
  for (let next: ReturnType<typeof step> | null = step('0'); next !== null;) {
    const [cursor, keys]: [string, string[]] = await next;
    next = cursor === '0' ? null : step(cursor);
    if (keys.length > 0) yield [...new Set(keys)];
  }
}

/** The text as a glob pattern that matches nothing but it. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&');
}
