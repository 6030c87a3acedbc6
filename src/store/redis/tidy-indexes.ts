import { setTimeout as sleep } from 'node:timers/promises';
import { readIndex } from './cached-session.ts';
import type { Indexes } from './indexes.ts';
import type { KeyReader } from './key-reader.ts';

/** The changes that indexes needed. */
export interface TidiedIndexes {
  /** Entries that no longer named a session. */
  readonly entries: number;
  /** Indexes that would never have expired. */
  readonly immortal: number;
}

/** Removes entries without a session from indexes, and gives a lifetime to indexes that have none. */
export interface Tidier {
  /** Checks some indexes, and tidies those whose waiting time has passed. */
  look(indexKeys: readonly string[]): Promise<TidiedIndexes>;
  /** Tidies the rest. Aborted by the signal. */
  finish(signal: AbortSignal): Promise<TidiedIndexes>;
}

/**
 * Milliseconds. A sign-in writes its entry first and then, after a query, its session (better-auth 1.7.25,
 * `db/internal-adapter`, createSession): a missing session may be about to appear.
 */
const ABOUT_TO_COME = 2000;

interface Suspects {
  /** The time of the check, on the clock of `performance.now`. */
  readonly at: number;
  /** Key of an index → tokens that had no session. */
  readonly missing: ReadonlyMap<string, ReadonlySet<string>>;
  /** Indexes without a lifetime. */
  readonly immortal: ReadonlySet<string>;
}

export interface TidierOptions {
  /** The beginning of a token's key. */
  readonly prefix: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Also checks for indexes without a lifetime. */
  readonly lifetimes: boolean;
  /** Counts the findings of the first check and changes nothing. */
  readonly dryRun: boolean;
}

export function createTidier(keys: KeyReader, indexes: Indexes, options: TidierOptions): Tidier {
  const { prefix, now, lifetimes, dryRun } = options;
  const waiting: Suspects[] = [];

  const suspect = async (indexKeys: readonly string[]): Promise<Suspects> => {
    const values = await keys.values(indexKeys);
    const tokens = indexKeys.map((_, at) => (readIndex(values[at] ?? '') ?? []).map(({ token }) => token));
    const gone = await keys.missing([...new Set(tokens.flat())].map((token) => `${prefix}${token}`));
    const missing = new Map<string, ReadonlySet<string>>();
    for (const [at, key] of indexKeys.entries()) {
      const lost = (tokens[at] ?? []).filter((token) => gone.has(`${prefix}${token}`));
      if (lost.length > 0) missing.set(key, new Set(lost));
    }
    const lists = indexKeys.filter((_, at) => readIndex(values[at] ?? '') !== null);
    return { at: performance.now(), missing, immortal: lifetimes ? await keys.immortal(lists) : new Set() };
  };

  const tidySuspects = async ({ missing, immortal }: Suspects): Promise<TidiedIndexes> => {
    const suspects = [...new Set([...missing.values()].flatMap((tokens) => [...tokens]))];
    const gone = await keys.missing(suspects.map((token) => `${prefix}${token}`));
    const tidied = new Map<string, number>();
    await indexes.change([...new Set([...missing.keys(), ...immortal])], (key, list) => {
      const lost = missing.get(key);
      const left = list.filter(({ token }) => !(lost?.has(token) === true && gone.has(`${prefix}${token}`)));
      tidied.set(key, list.length - left.length);
      if (!immortal.has(key)) return left.length === list.length ? null : { list: left, life: null };
      const last = Math.max(...left.map(({ expiresAt }) => expiresAt));
      return last > now ? { list: left, life: last - now } : { list: [], life: null };
    });
    return { entries: sumOf(tidied), immortal: immortal.size };
  };

  const tidyRipe = async (): Promise<TidiedIndexes> => {
    let sum: TidiedIndexes = { entries: 0, immortal: 0 };
    for (let [first] = waiting; first !== undefined; [first] = waiting) {
      if (performance.now() - first.at < ABOUT_TO_COME) return sum;
      waiting.shift();
      sum = added(sum, await tidySuspects(first));
    }
    return sum;
  };

  return {
    async look(indexKeys) {
      if (indexKeys.length > 0) {
        const found = await suspect(indexKeys);
        if (dryRun) return { entries: countOf(found.missing), immortal: found.immortal.size };
        if (found.missing.size > 0 || found.immortal.size > 0) waiting.push(found);
      }
      return tidyRipe();
    },

    async finish(signal) {
      let sum: TidiedIndexes = { entries: 0, immortal: 0 };
      while (waiting.length > 0 && !signal.aborted) {
        const [first] = waiting;
        const rest = first === undefined ? 0 : first.at + ABOUT_TO_COME - performance.now();
        if (rest > 0) await sleep(rest, undefined, { signal }).catch(() => undefined);
        else sum = added(sum, await tidyRipe());
      }
      return sum;
    },
  };
}

/**
 * Removes entries of sessions that this run was to end from indexes, like Better Auth does for a session that it
 * deletes. No sign-in is about to write such a session, so one check is enough. An entry whose session still exists
 * stays.
 * @param prefix the beginning of a token's key
 */
export async function tidyEnded(
  { keys, indexes, prefix }: { readonly keys: KeyReader; readonly indexes: Indexes; readonly prefix: string },
  indexKeys: readonly string[],
  tokens: ReadonlySet<string>,
): Promise<void> {
  if (indexKeys.length === 0) return;
  const known = await indexes.read(indexKeys);
  const named = known.flatMap(({ list }) => list ?? []).filter(({ token }) => tokens.has(token));
  const gone = await keys.missing([...new Set(named.map(({ token }) => `${prefix}${token}`))]);
  await indexes.change(
    indexKeys,
    (_, list) => {
      const left = list.filter(({ token }) => !tokens.has(token) || !gone.has(`${prefix}${token}`));
      return left.length === list.length ? null : { list: left, life: null };
    },
    known,
  );
}

function added(one: TidiedIndexes, other: TidiedIndexes): TidiedIndexes {
  return { entries: one.entries + other.entries, immortal: one.immortal + other.immortal };
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function countOf(missing: ReadonlyMap<string, ReadonlySet<string>>): number {
  return [...missing.values()].reduce((sum, tokens) => sum + tokens.size, 0);
}
