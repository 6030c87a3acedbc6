import type { Redis } from 'ioredis';
import type { RedisConnection } from './connect-redis.ts';
import type { CountDeletion } from './deletions.ts';
import { USUAL_TOKEN } from './roster.ts';

/** A key with the text that it holds. */
export type Found = readonly [key: string, value: string];

/** Reads and deletes keys, of one server or of all nodes of a cluster. */
export interface KeyReader {
  /** The text of each key, in order; null where there is none. */
  values(keys: readonly string[]): Promise<readonly (string | null)[]>;
  /** The keys that begin with the prefix, page by page. A key may come twice, and one that comes or goes meanwhile, or not. */
  scan(prefix: string): AsyncGenerator<readonly string[]>;
  /**
   * The text of those keys that may be sessions. Values of other applications may be of any size: of a key that does not
   * look like a session's, the beginning is read first.
   */
  sessionValues(keys: readonly string[], prefix: string): Promise<readonly Found[]>;
  /** Those of the keys that are not there. */
  missing(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Those of the keys that are there and have no lifetime. */
  immortal(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Deletes keys; the server frees their memory afterwards. */
  unlink(keys: readonly string[], count: CountDeletion): Promise<void>;
}

/**
 * `JSON.stringify({ session, user })`, as Better Auth hands it to the storage. Up to 1.3 a sign-in
 * puts the user in front, and up to 1.0 most tokens have a `-` or a `_`, so that they are told by this alone.
 */
const BEGINNINGS = ['{"session"', '{"user"'];
/** Spaces may stand in it, should an adapter write JSON in its own way. */
const LOOKED_AT = 64;

/**
 * Keys that one step of a scan looks at. With more, the application's own requests begin to wait, and what a step has found
 * outlives V8's room for what is new: with 500, the same takes a third more of the processor's time.
 */
const SCANNED = 200;
/** Where an answer is long on its way, which costs more than that. */
const SCANNED_FROM_AFAR = 500;
/** Milliseconds. */
const AFAR = 5;
/** Where the last step found next to nothing, be it that others' keys lie there or none any more. */
const SCANNED_WHERE_SPARSE = 1000;

/** Keys that one command asks about: with more, others would wait. */
const ASKED_AT_ONCE = 500;

/** What PTTL answers for a key that stays for ever. */
const NO_LIFETIME = -1;

export function createKeyReader({ client, isCluster, nodes }: RedisConnection): KeyReader {
  const values: KeyReader['values'] = async (keys) => {
    if (keys.length === 0) return [];
    if (isCluster) return Promise.all(keys.map((key) => client.get(key)));
    return client.mget([...keys]);
  };

  const beginnings = (keys: readonly string[]): Promise<readonly (string | null)[]> =>
    Promise.all(
      keys.map((key) =>
        client.getrange(key, 0, LOOKED_AT - 1).catch((error: unknown) => {
          // A list or a hash of another application.
          if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return null;
          throw error;
        }),
      ),
    );

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
      const likely = odd.filter((_, at) => {
        const text = (begun[at] ?? '').replace(/\s/g, '');
        return BEGINNINGS.some((beginning) => text.startsWith(beginning));
      });
      const wanted = [...usual, ...likely];
      const texts = await values(wanted);
      return wanted.flatMap((key, at) => {
        const text = texts[at] ?? null;
        return text === null ? [] : [[key, text] as const];
      });
    },

    async missing(keys) {
      const parts: Promise<readonly string[]>[] = [];
      for (let from = 0; from < keys.length; from += ASKED_AT_ONCE)
        parts.push(missingOf(keys.slice(from, from + ASKED_AT_ONCE)));
      return new Set((await Promise.all(parts)).flat());
    },

    immortal: async (keys) => {
      const lives = await Promise.all(keys.map((key) => client.pttl(key)));
      return new Set(keys.filter((_, at) => lives[at] === NO_LIFETIME));
    },

    async unlink(keys, count) {
      if (keys.length === 0) return;
      if (isCluster) await Promise.all(keys.map((key) => count(() => client.unlink(key))));
      else await count(() => client.unlink([...keys]));
    },
  };
}

/** The next step is under way while the keys of the last one are looked at. */
async function* scanNode(node: Redis, pattern: string): AsyncGenerator<readonly string[]> {
  const step = (cursor: string, count: number) => {
    const next = node.scan(cursor, 'MATCH', pattern, 'COUNT', count);
    // Should nobody come back for it, its failure is nobody's.
    next.catch(() => undefined);
    return next;
  };
  for (let next: ReturnType<typeof step> | null = step('0', SCANNED); next !== null;) {
    const begun = performance.now();
    const [cursor, keys]: [string, string[]] = await next;
    const count = performance.now() - begun > AFAR ? SCANNED_FROM_AFAR : SCANNED;
    next = cursor === '0' ? null : step(cursor, keys.length * 4 < SCANNED ? SCANNED_WHERE_SPARSE : count);
    if (keys.length > 0) yield [...new Set(keys)];
  }
}

/** The text as a glob pattern that matches nothing but it. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&');
}
