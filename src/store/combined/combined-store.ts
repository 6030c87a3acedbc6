import { createCombinedEnding } from './combined-ending.ts';
import { createCombinedListing } from './combined-listing.ts';
import type { CombinedParts } from './combined-parts.ts';
import { dependsOnTimes, everySession, type Selection } from '../../sessions/selection.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import type { OfflineSweep } from '../../sessions/sweeping-store.ts';
import { nothingEnded, type Remaining, type Survey } from '../../sessions/ending-store.ts';
import type { Instant } from '../../sessions/instant.ts';
import type { CachedSession } from '../redis/cached-session.ts';
import type { DeploymentStore } from '../deployment-store.ts';
import { judgeOf } from './judge-cached.ts';
import { looksLikeToken } from '../redis/key-reader.ts';
import { markUsers } from './mark-users.ts';
import { createPlaces, type Places } from './places.ts';
import { rankedPlaces } from './ranked-places.ts';
import { createStandings } from './standings.ts';
import { sweepSecondary } from '../redis/sweep-secondary.ts';
import { surveyPlaces } from './survey-places.ts';
import { comparesWhatLasts, type Surveyed } from './surveyed.ts';

/**
 * Sessions of a deployment with secondary storage. Better Auth asks Redis first and trusts its answer. It reads the
 * database only for sessions that Redis does not hold (better-auth 1.7.25, `db/internal-adapter`, findSession). This
 * store does the same. Sessions end in Redis first, then in the database: if a step fails, the row is still there to
 * find them by.
 */
export function createCombinedStore(
  parts: CombinedParts,
): Omit<SessionStore, 'findMismatch'> & Pick<DeploymentStore, 'standings'> {
  const { directory, table, secondary, preserve, settle, heedsMarks, signal } = parts;
  const places = rankedPlaces(createPlaces(parts), parts);
  const { now } = directory;
  /** Sessions that the latest survey counted and that can be ended without reading them again. */
  let surveyed: Surveyed | null = null;
  const listing = createCombinedListing(parts, places);
  const ending = createCombinedEnding(parts, places);
  /**
   * For each moment, the ids of rows that expired before it while Redis holds their sessions alive. Found once per
   * sweep.
   */
  const heldAlive = new Map<Instant, Promise<readonly string[]>>();

  return {
    target: { ...directory.target, redis: secondary.place },
    now,
    expiresIn: parts.expiresIn,
    cautions: table?.cautions ?? [],
    zoneKnown: table?.zoneKnown ?? true,
    hidesRows: table?.hidesRows ?? false,
    findObstacles: (preserve) => table?.findObstacles(preserve) ?? Promise.resolve([]),
    findRefusal: (preserve, included) => table?.findRefusal(preserve, included) ?? Promise.resolve(null),
    bindsTokens: directory.boundTokens !== null,
    handsOutJwts: directory.handsOutJwts,
    waysBack: parts.waysBack,
    settle,
    standings: createStandings({ ...parts, rowsAreRecords: preserve, tokenOf: (id) => places.tokenOf(id) }),
    unreadable: () => places.unreadable.size,
    secondary: {
      sweep: (expiredAt, options) => sweepSecondary(parts, expiredAt, options),
      countKept: async (expiredAt) => (await idsHeldAlive(expiredAt)).length,
    },

    absent: table?.absent ?? [],
    requireColumns: (selection, sort) => {
      table?.requireColumns(selection, sort);
    },
    readClock: () => directory.readClock(),

    async findUsers(who) {
      const known = await directory.findUsers(who);
      if (known.length > 0) return known;
      // A deleted user may have left sessions behind, and they stay valid.
      for await (const page of places.cached({ ...everySession, userIds: [who] }))
        if (page.length > 0) return [{ id: who, email: null, name: null }];
      return [];
    },

    async findSessionIds(id, limit) {
      const inRows = (await table?.findSessionIds(id, limit)) ?? [];
      if (inRows.includes(id)) return [id];
      const found = new Set(inRows);
      for await (const page of places.cached(everySession)) {
        for (const cached of page) {
          if (!cached.session.id.startsWith(id)) continue;
          places.remember(cached);
          found.add(cached.session.id);
        }
        if (found.has(id)) return [id];
      }
      return [...found].slice(0, limit);
    },

    async existingSessionIds(ids) {
      const found = new Set(await table?.existingSessionIds(ids));
      const others = new Set(ids.filter((id) => !found.has(id)));
      if (others.size === 0) return found;
      for await (const page of places.cached(everySession)) {
        for (const cached of page) {
          if (!others.has(cached.session.id)) continue;
          places.remember(cached);
          found.add(cached.session.id);
        }
        if (found.size === ids.length) break;
      }
      return found;
    },

    async findSessionIdsByToken(tokens) {
      const inRows = (await table?.findSessionIdsByToken(tokens)) ?? tokens.map(() => null);
      const cached = await secondary.read([...new Set(tokens)]);
      const sessions = cached.filter(isSession);
      for (const each of sessions) places.remember(each);
      const ids = new Map(sessions.map(({ token, session }) => [token, session.id]));
      return tokens.map((token, at) => ids.get(token) ?? inRows[at] ?? null);
    },

    async *list(selection, { sort, limit = Infinity }) {
      let left = limit;
      const pages = sort === null ? listing.unsorted(selection) : listing.sorted(selection, sort, limit);
      for await (const page of pages) {
        signal.throwIfAborted();
        if (page.length > 0) yield page.slice(0, left);
        left -= page.length;
        if (left <= 0) return;
      }
    },

    async count(selection) {
      // As with `pick`: `secondary.sweep` counts the expired sessions in Redis.
      if (selection.surelyExpiredAt !== null)
        return (await table?.count(await dead(selection, selection.surelyExpiredAt))) ?? 0;
      return (await countOf(places, selection)).sessions;
    },

    async pick(selection, limit) {
      // Throws if the selection cannot be compared.
      await table?.pick(selection, 1);
      if (selection.surelyExpiredAt !== null)
        return (await table?.pick(await dead(selection, selection.surelyExpiredAt), limit)) ?? [];
      const ids = new Set<string>();
      for await (const page of places.cached(selection)) {
        for (const cached of page) {
          if (ids.size >= limit) return [...ids];
          places.remember(cached);
          ids.add(cached.session.id);
        }
      }
      for await (const page of places.rowsAlone(selection)) {
        for (const { id } of page) if (ids.size < limit) ids.add(id);
        if (ids.size >= limit) break;
      }
      return [...ids];
    },

    async survey(selection, namedUsers = []): Promise<Survey> {
      // Rows, and tokens bound to a session, are found by the session's id, so the id has to be read again.
      const tokens = new Set<string>();
      const survey = await surveyPlaces(parts, places, selection, namedUsers, tokens);
      const needsNoReading = table === null && directory.boundTokens === null && comparesWhatLasts(selection);
      surveyed = needsNoReading ? { selection, tokens, newest: survey.newest } : null;
      return survey;
    },

    markUsers: (meant) => (heedsMarks === false ? Promise.resolve(0) : markUsers(parts, places, meant)),
    heedsMarks,

    async lookAgain(selection, limit, patience = 'patient'): Promise<Remaining> {
      if (selection.surelyExpiredAt !== null) {
        const left = await dead(selection, selection.surelyExpiredAt);
        return (await table?.lookAgain(left, limit, patience)) ?? NOTHING_LEFT;
      }
      const left = await countOf(
        places.steadfast,
        selection,
        limit,
        heedsMarks === true ? withoutEntry : null,
      );
      if (table === null || !dependsOnTimes(selection)) return left;
      const rows = await table.lookAgain(selection, 0, patience);
      return { ...left, unreadableTimes: left.unreadableTimes + rows.unreadableTimes };
    },

    async rehearseEnding(options, patience) {
      if (table === null) await directory.boundTokens?.rehearse();
      else await table.rehearseEnding(options, patience);
      await secondary.rehearse();
    },

    async *end(selection, options) {
      // Expired rows are swept here; `secondary.sweep` sweeps Redis.
      if (selection.surelyExpiredAt !== null) {
        const expired = await dead(selection, selection.surelyExpiredAt);
        if (table !== null) yield* table.end(expired, options);
        else yield nothingEnded;
        return;
      }
      const counted = surveyed;
      surveyed = null;
      yield* ending.endEverywhere(selection, options, counted);
    },

    chooseSweepWay: async (expiredAt) => (await table?.chooseSweepWay(expiredAt)) ?? 'walk',
    countWithin: async (selection, milliseconds) => {
      if (table === null) return 0;
      const { surelyExpiredAt } = selection;
      return table.countWithin(
        surelyExpiredAt === null ? selection : await dead(selection, surelyExpiredAt),
        milliseconds,
      );
    },
    verifications: table?.verifications ?? null,
    offline: offlineSweep(table?.offline ?? null),
  };

  /**
   * The sessions that Better Auth's mark shuts out and that have no row. A row could bring a session back once its key
   * in Redis has expired.
   */
  async function withoutEntry(page: readonly CachedSession[]): Promise<ReadonlySet<CachedSession>> {
    const marked = page.filter((cached) => cached.shutOut === true);
    if (table === null || preserve || marked.length === 0) return new Set(marked);
    const rows = await table.steadfastRows.tokenRows(marked.map(({ session }) => session.id));
    const tokens = new Set(rows.map(({ token }) => token));
    return new Set(marked.filter(({ token }) => !tokens.has(token)));
  }

  /**
   * A row that has expired belongs to a live session while Redis holds that session alive: Better Auth trusts Redis
   * first.
   */
  async function idsHeldAlive(expiredAt: Instant): Promise<readonly string[]> {
    const known = heldAlive.get(expiredAt) ?? places.idsHeldAlive(expiredAt);
    heldAlive.set(expiredAt, known);
    return known;
  }

  /** The selection without the rows of live sessions. */
  async function dead(selection: Selection, expiredAt: Instant): Promise<Selection> {
    const alive = await idsHeldAlive(expiredAt);
    if (alive.length === 0) return selection;
    return { ...selection, exceptSessionIds: [...selection.exceptSessionIds, ...alive] };
  }

  function offlineSweep(offline: OfflineSweep | null): OfflineSweep | null {
    if (offline === null) return null;
    return {
      sweep: async (expiredAt) => offline.sweep(expiredAt, await idsHeldAlive(expiredAt)),
      vacuum: () => offline.vacuum(),
    };
  }
}

/**
 * Whether the value found under a text that was given as a token is a session, judged by everything that is known of
 * it.
 */
function isSession({ token, readable, named, session }: CachedSession): boolean {
  return readable || named || session.userId !== null || looksLikeToken(token);
}

const NOTHING_LEFT: Remaining = { sessions: 0, unreadableTimes: 0, secondary: 0, shutOut: 0, ids: [] };

async function countOf(
  places: Pick<Places, 'cached' | 'rowsAlone'>,
  selection: Selection,
  limit = 0,
  isShutOut: ((page: readonly CachedSession[]) => Promise<ReadonlySet<CachedSession>>) | null = null,
): Promise<Remaining> {
  let secondary = 0;
  let shutOut = 0;
  const ids: string[] = [];
  const note = (id: string) => {
    if (ids.length < limit) ids.push(id);
  };
  const judge = judgeOf(selection);
  let unreadableTimes = 0;
  const options = {
    ...(dependsOnTimes(selection) ? ({ unreadableTimes: 'include' } as const) : {}),
    ...(isShutOut === null ? {} : { states: true }),
  };
  for await (const page of places.cached(selection, options)) {
    const without = await isShutOut?.(page);
    for (const cached of page) {
      if (cached.readable && judge(cached) !== true) unreadableTimes += 1;
      else {
        secondary += 1;
        if (without?.has(cached) === true) shutOut += 1;
        else note(cached.session.id);
      }
    }
  }
  let sessions = secondary;
  for await (const page of places.rowsAlone(selection)) {
    sessions += page.length;
    for (const { id } of page) note(id);
  }
  return { sessions, unreadableTimes, secondary, shutOut, ids };
}
