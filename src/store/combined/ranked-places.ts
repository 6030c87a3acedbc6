import { millisecondsOf, toInstant, type Instant } from '../../sessions/instant.ts';
import { everySession, type Selection } from '../../sessions/selection.ts';
import type { CombinedParts } from './combined-parts.ts';
import type { DatedRow, SessionRows } from '../database/read/session-rows.ts';
import type { Places, Walker } from './places.ts';
import type { CachedSession } from '../redis/cached-session.ts';
import type { SecondaryStorage } from '../redis/secondary-storage.ts';

/** A session among those of its user. */
interface Ranked {
  readonly id: string;
  readonly createdAt: Instant;
  /** Null where it is only in the database. */
  readonly token: string | null;
}

type Rankable = DatedRow & Pick<Ranked, 'token'>;

/** The newest sessions of each user at the time of the check. */
interface Ranking {
  /** The ids of those beyond the newest, while the newest still exist. */
  surplusOf(sessions: readonly DatedRow[]): Promise<ReadonlySet<string>>;
}

/**
 * Adds `keepNewest` to a session finder; no single store can answer it. Redis does not sort. So this walks through all
 * sessions twice: first to count those of each user, then to find the newest of the users who have too many. Only those
 * are kept in memory. Before each page is compared, the newest sessions are checked again: if one of them is gone, no
 * session of that user counts as beyond the limit until the next check.
 */
export function rankedPlaces(places: Places, parts: CombinedParts): Places {
  const { secondary, steadfast, table } = parts;
  return {
    ...rankedWalker(places, secondary, table?.rows ?? null, parts),
    steadfast: rankedWalker(places.steadfast, steadfast, table?.steadfastRows ?? null, parts),
    remember: (cached) => {
      places.remember(cached);
    },
    tokenOf: (id) => places.tokenOf(id),
    idsHeldAlive: (expiredAt) => places.idsHeldAlive(expiredAt),
    unreadable: places.unreadable,
  };
}

function rankedWalker(
  walker: Walker,
  storage: SecondaryStorage,
  rows: SessionRows | null,
  { directory, preserve }: CombinedParts,
): Walker {
  /** The ranking by which a selection's cached sessions were judged, to use it for the rows as well. */
  const rankings = new WeakMap<Selection, Ranking>();

  async function rank(selection: Selection, keepNewest: number): Promise<Ranking> {
    const { userIds, presentAt } = selection;
    const all: Selection = { ...everySession, userIds, presentAt, state: 'active' };
    const held = new Map<string, number>();
    for await (const page of rankable(all))
      for (const { userId } of page) if (userId !== null) held.set(userId, (held.get(userId) ?? 0) + 1);
    const hasSurplus = (userId: string) => (held.get(userId) ?? 0) > keepNewest;
    const newest = new Map<string, readonly Ranked[]>();
    if ([...held.keys()].some(hasSurplus)) {
      for await (const page of rankable(all)) {
        for (const { id, userId, createdAt, token } of page) {
          if (userId === null || createdAt === null || !hasSurplus(userId)) continue;
          const others = (newest.get(userId) ?? []).filter((other) => other.id !== id);
          const ranked = [...others, { id, createdAt, token }].sort(newestFirst).slice(0, keepNewest);
          newest.set(userId, ranked);
        }
      }
    }
    const ranking: Ranking = {
      async surplusOf(sessions) {
        const beyond = sessions.filter(({ id, userId, createdAt }) => {
          const kept = newest.get(userId ?? '') ?? [];
          const last = kept[keepNewest - 1];
          return last !== undefined && createdAt !== null && newestFirst({ id, createdAt }, last) > 0;
        });
        const users = new Set(beyond.map(({ userId }) => userId ?? ''));
        const kept = [...users].flatMap((userId) => newest.get(userId) ?? []);
        const alive = await stillActive(kept);
        const keepsAll = (userId: string | null) =>
          (newest.get(userId ?? '') ?? []).every(({ id }) => alive.has(id));
        return new Set(beyond.filter(({ userId }) => keepsAll(userId)).map(({ id }) => id));
      },
    };
    rankings.set(selection, ranking);
    return ranking;
  }

  /** Every session of a selection in any store, with the fields to rank it by. One may occur twice. */
  async function* rankable(all: Selection): AsyncGenerator<readonly Rankable[]> {
    for await (const page of walker.cached(all)) yield page.map(rankableOf);
    if (rows === null) return;
    for await (const page of walker.rowsAlone(all)) {
      const dated = await rows.datedRows(page.map(({ id }) => id));
      yield dated.map((row) => ({ ...row, token: null }));
    }
  }

  /** The ids of those that are still active by the present clock. */
  async function stillActive(ranked: readonly Ranked[]): Promise<ReadonlySet<string>> {
    if (ranked.length === 0) return new Set();
    const now = await directory.readClock();
    const cached = await storage.read(ranked.flatMap(({ token }) => token ?? []));
    const alive = new Set<string>();
    for (const { session, readable } of cached)
      if (!readable || (session.state === 'active' && session.expiresAt !== null && session.expiresAt >= now))
        alive.add(session.id);
    const ids = ranked.flatMap(({ id, token }) => (token === null ? [id] : []));
    if (rows === null || preserve || ids.length === 0) return alive;
    const named: Selection = {
      ...everySession,
      sessionIds: ids,
      aliveAt: toInstant(millisecondsOf(now) - 1),
    };
    for (const { id } of await rows.nextRows(named, null, ids.length)) alive.add(id);
    return alive;
  }

  async function surplusIn(
    ranking: Ranking,
    cached: readonly CachedSession[],
  ): Promise<readonly CachedSession[]> {
    const surplus = await ranking.surplusOf(cached.map(rankableOf));
    return cached.filter(({ session }) => surplus.has(session.id));
  }

  return {
    async *pages(selection, options) {
      if (selection.keepNewest === null) {
        yield* walker.pages(selection, options);
        return;
      }
      const ranking = await rank(selection, selection.keepNewest);
      for await (const page of walker.pages(selection, options))
        yield { ...page, meant: await surplusIn(ranking, page.meant) };
    },

    async *cached(selection, options) {
      if (selection.keepNewest === null) {
        yield* walker.cached(selection, options);
        return;
      }
      const ranking = await rank(selection, selection.keepNewest);
      for await (const page of walker.cached(selection, options)) {
        const surplus = await surplusIn(ranking, page);
        if (surplus.length > 0) yield surplus;
      }
    },

    async *rowsAlone(selection) {
      if (selection.keepNewest === null || rows === null) {
        yield* walker.rowsAlone(selection);
        return;
      }
      const ranking = rankings.get(selection) ?? (await rank(selection, selection.keepNewest));
      // The table is not asked for ranks, since it holds only some of the sessions.
      for await (const page of walker.rowsAlone({ ...selection, keepNewest: null })) {
        const surplus = await ranking.surplusOf(await rows.datedRows(page.map(({ id }) => id)));
        const meant = page.filter(({ id }) => surplus.has(id));
        if (meant.length > 0) yield meant;
      }
    },
  };
}

function rankableOf({ token, session: { id, userId, createdAt } }: CachedSession): Rankable {
  return { id, userId, createdAt, token };
}

function newestFirst(one: Pick<Ranked, 'id' | 'createdAt'>, other: Pick<Ranked, 'id' | 'createdAt'>): number {
  if (one.createdAt !== other.createdAt) return one.createdAt > other.createdAt ? -1 : 1;
  return one.id === other.id ? 0 : one.id > other.id ? -1 : 1;
}
