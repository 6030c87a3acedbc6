import type { Redis } from 'ioredis';
import type { RedisConnection } from './connect-redis.ts';
import type { CountDeletion } from './deletions.ts';
import { answerWord } from './redis-refusals.ts';

/** A key with its text; null if it holds no text, or if the text was not read. */
export type Found = readonly [key: string, value: string | null];

/** Reads and deletes keys, on one server or on all nodes of a cluster. */
export interface KeyReader {
  /** The text of each key, in order; null if the key does not exist or holds another type, such as a hash. */
  values(keys: readonly string[]): Promise<readonly (string | null)[]>;
  /**
   * The keys that begin with the prefix, page by page. A key may occur twice. A key that is created or deleted during
   * the scan may be missing or included.
   */
  scan(prefix: string): AsyncGenerator<readonly string[]>;
  /**
   * The keys that may be sessions, with their text. Values of other applications may be of any size. If a key does not
   * look like a session's, only the beginning of its value is read first, and the rest only if a session may begin like
   * that.
   */
  sessionValues(keys: readonly string[], prefix: string): Promise<readonly Found[]>;
  /** Those of the keys that do not exist. */
  missing(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Those of the keys that exist and have no lifetime. */
  immortal(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * The remaining lifetime of each key in milliseconds; null for a key without one. Keys that do not exist are left
   * out.
   */
  lifetimes(keys: readonly string[]): Promise<ReadonlyMap<string, number | null>>;
  /** Deletes keys; the server frees their memory afterwards. */
  unlink(keys: readonly string[], count: CountDeletion): Promise<void>;
}

/**
 * `JSON.stringify({ session, user })`, as Better Auth passes it to the storage. Up to 1.3 a sign-in writes the user
 * first. An adapter may have wrapped it.
 */
const BEGINNINGS = ['{"session"', '{"user"'];
/** Characters. A wrapper, spaces and backslashes may be part of them. */
const LOOKED_AT = 128;

/** Keys that one step of a scan reads: with more, the application's own requests begin to wait. */
const SCANNED = 500;

/** Keys in one command: with more, other clients would wait. */
const ASKED_AT_ONCE = 500;

/** Better Auth's own tokens: `generateId(32)` (better-auth 1.7.25). Up to 1.0 most contain a `-` or a `_`. */
const USUAL_TOKEN = /^[\w-]{32}$/;
/** Tokens that an application may create in a hook. */
const POSSIBLE_TOKEN = /^[\w-]{16,256}$/;
/**
 * A hexadecimal digest, such as the key of a cache. A token of 32 letters and digits never looks like one by chance.
 */
const DIGEST = /^[0-9a-f]+$/;

/** PTTL's answer for a key without a lifetime, and for a key that does not exist. */
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

  const lifetimes: KeyReader['lifetimes'] = async (keys) => {
    const lives = await Promise.all(keys.map(async (key) => [key, await client.pttl(key)] as const));
    const there = lives.filter(([, life]) => life !== NO_KEY);
    return new Map(there.map(([key, life]) => [key, life === NO_LIFETIME ? null : life]));
  };

  async function* scan(prefix: string): AsyncGenerator<readonly string[]> {
    for (const node of nodes()) yield* scanNode(node, `${escaped(prefix)}*`);
  }

  return {
    values,
    scan,

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
      const missing: string[] = [];
      for (let from = 0; from < keys.length; from += ASKED_AT_ONCE) {
        const some = keys.slice(from, from + ASKED_AT_ONCE);
        // Usually all of them exist, or none: then one answer is enough.
        const found = isCluster ? null : await client.exists([...some]);
        if (found === some.length) continue;
        const each = found === 0 ? [] : await Promise.all(some.map((key) => client.exists(key)));
        missing.push(...some.filter((_, at) => (each[at] ?? 0) === 0));
      }
      return new Set(missing);
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

/** Whether a token looks like one of Better Auth's own, so that its key is expected to hold a session. */
export function looksLikeToken(text: string): boolean {
  return USUAL_TOKEN.test(text) && !DIGEST.test(text);
}

/** A key may hold a hash or a list, of another application or of an adapter that stores sessions in that type. */
function nullForOtherTypes(error: unknown): null {
  if (answerWord(error) === 'WRONGTYPE') return null;
  throw error;
}

async function* scanNode(node: Redis, pattern: string): AsyncGenerator<readonly string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', SCANNED);
    if (keys.length > 0) yield [...new Set(keys)];
    cursor = next;
  } while (cursor !== '0');
}

/** A glob pattern that matches exactly this text. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&');
}
