import type { CombinedParts } from './combined-parts.ts';
import { ConnectionError } from '../errors.ts';
import { dependsOnTimes, everySession, type Selection } from '../sessions/selection.ts';
import type {
  EndedBatch,
  EndOptions,
  ListOptions,
  OfflineSweep,
  Remaining,
  SessionStore,
  SortField,
  Survey,
} from '../sessions/session-store.ts';
import type { Instant } from '../sessions/instant.ts';
import type { Session } from '../sessions/session.ts';
import { nothingEnded } from './database/stretch.ts';
import { fingerprintOf, type CachedSession } from './redis/cached-session.ts';
import type { DeploymentStore } from './deployment-store.ts';
import { gathered, type Gathered } from './gathered.ts';
import { judgeOf } from './judge-cached.ts';
import { looksLikeToken } from './redis/key-reader.ts';
import { markUsers } from './mark-users.ts';
import { createPlaces, type Places } from './places.ts';
import { rankedPlaces } from './ranked-places.ts';
import { createStandings } from './standings.ts';
import { sweepSecondary } from './redis/sweep-secondary.ts';
import { surveyPlaces } from './survey-places.ts';
import { throwFailure } from './throw-failure.ts';
import { type Surveyed, comparesWhatLasts, isCoveredBy } from './surveyed.ts';

/** Sessions that one batch ends without reading them first. */
const ENDED_AT_ONCE = 1000;

/** Users' lists that are tidied in one step. */
const TIDIED_AT_ONCE = 150;

/** Maximum sessions in one chunk of a list. */
const LISTED_AT_ONCE = 250;

/**
 * Sessions of a deployment with secondary storage. Better Auth asks Redis first and trusts its answer. It reads the
 * database only for sessions that Redis does not hold (better-auth 1.7.25, `db/internal-adapter`, findSession). This
 * store does the same. Sessions end in Redis first, then in the database: if a step fails, the row is still there to
 * find them by.
 */
export function createCombinedStore(
  parts: CombinedParts,
): Omit<SessionStore, 'findMismatch'> & Pick<DeploymentStore, 'standings'> {
  const { directory, table, secondary, steadfast, preserve, settle, heedsMarks, signal } = parts;
  const places = rankedPlaces(createPlaces(parts), parts);
  const { now } = directory;
  /** Sessions that the latest survey counted and that can be ended without reading them again. */
  let surveyed: Surveyed | null = null;
  /**
   * For each moment, the ids of rows that expired before it while Redis holds their sessions alive. Found once per
   * sweep.
   */
  const heldAlive = new Map<Instant, Promise<readonly string[]>>();

  /** A row that Redis does not know is a live session, unless rows are only records. */
  const ofRow = (session: Session): Session => (preserve ? { ...session, state: 'expired' } : session);

  async function* sessionsOf(ids: readonly string[]): AsyncGenerator<readonly Session[]> {
    if (table === null || ids.length === 0) return;
    const named = { ...everySession, sessionIds: ids };
    for await (const chunk of table.list(named, { sort: null })) yield chunk.map(ofRow);
  }

  const ofCached = async (cached: readonly CachedSession[]): Promise<readonly Session[]> => {
    const ids = cached.map(({ session }) => session.id);
    const withRow = table === null ? new Set<string>() : await table.existingSessionIds(ids);
    return cached.map(({ token, session }) => ({
      ...session,
      store: withRow.has(session.id) ? 'both' : 'secondary',
      tokenFingerprint: fingerprintOf(token),
    }));
  };

  /** Unsorted: first the sessions in Redis, then those that are only in the database. */
  async function* unsorted(selection: Selection): AsyncGenerator<readonly Session[]> {
    for await (const page of places.cached(selection, { users: true, states: true }))
      yield await ofCached(page);
    for await (const page of places.rowsAlone(selection)) yield* sessionsOf(page.map(({ id }) => id));
  }

  async function* sorted(
    selection: Selection,
    { field, direction }: NonNullable<ListOptions['sort']>,
    limit: number,
  ): AsyncGenerator<readonly Session[]> {
    const order = direction === 'asc' ? 1 : -1;
    const compare = (one: Place, other: Place) =>
      order * (compareText(one.key, other.key) || compareText(one.id, other.id));
    let found: Place[] = [];
    // The sort keys and ids of two million sessions fit into memory; the sessions themselves do not.
    const keep = (more: readonly Place[]) => {
      found.push(...more);
      if (found.length > 2 * limit + LISTED_AT_ONCE) found = found.sort(compare).slice(0, limit);
    };
    for await (const page of places.cached(selection, { users: field === 'userEmail' }))
      keep(page.map(({ token, session }) => ({ key: session[field], id: session.id, token })));
    for await (const page of places.rowsAlone(selection)) {
      for await (const chunk of sessionsOf(page.map(({ id }) => id)))
        keep(chunk.map((session) => ({ key: session[field], id: session.id, token: null })));
    }
    found = found.sort(compare).slice(0, limit);
    for (let from = 0; from < found.length; from += LISTED_AT_ONCE) {
      const some = found.slice(from, from + LISTED_AT_ONCE);
      const tokens = some.flatMap(({ token }) => (token === null ? [] : [token]));
      const rows = some.flatMap(({ id, token }) => (token === null ? [id] : []));
      const byId = new Map<string, Session>();
      for (const session of await ofCached(await secondary.read(tokens))) byId.set(session.id, session);
      for await (const chunk of sessionsOf(rows)) for (const session of chunk) byId.set(session.id, session);
      yield some.flatMap(({ id }) => byId.get(id) ?? []);
    }
  }

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
      const pages = sort === null ? unsorted(selection) : sorted(selection, sort, limit);
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
      yield* endEverywhere(selection, options);
    },

    sweepOutlook: (expiredAt) =>
      table === null ? Promise.resolve({ way: 'walk', table: null }) : table.sweepOutlook(expiredAt),
    somewhere: async (way) => (await table?.somewhere(way)) ?? null,
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

  async function* endEverywhere(selection: Selection, options: EndOptions): AsyncGenerator<EndedBatch> {
    let left = options.atMost ?? Infinity;
    const room = <Value>(page: readonly Value[]) => page.slice(0, left);
    // If many sessions end, the indexes are tidied afterwards, in a single pass.
    const untidied =
      surveyed !== null && isCoveredBy(selection, surveyed) ? surveyed.tokens : new Set<string>();
    surveyed = null;
    if (untidied.size > 0) {
      for await (const batch of endCounted(untidied, left)) {
        left -= batch.sessions;
        yield batch;
      }
      if (left <= 0) return;
    }
    const indexes = gathered<string>(TIDIED_AT_ONCE, (keys) => steadfast.tidyEnded(keys, untidied));
    for await (const page of places.steadfast.pages(selection, { ahead: comparesWhatLasts(selection) })) {
      if (signal.aborted || left <= 0) return;
      const meant = room(page.meant);
      // Most pages of a large Redis hold no selected session. Then the database need not be asked.
      if (meant.length === 0) continue;
      const isMost = selection.sessionIds === null && meant.length * 2 > page.all;
      if (isMost) for (const { token } of meant) untidied.add(token);
      const { failure, ...batch } = await endCached(meant, isMost ? 'keys alone' : 'with indexes', options);
      left -= batch.sessions;
      yield batch;
      throwFailure(failure);
    }
    for await (const page of places.steadfast.rowsAlone(selection)) {
      if (signal.aborted || left <= 0) return;
      const begun = performance.now();
      const ids = room(page).map(({ id }) => id);
      // Which sessions may stay was computed over both stores together.
      const { failure, ...ended } = await endRows(
        { ...selection, sessionIds: ids, keepNewest: null },
        options,
      );
      left -= ended.sessions;
      const milliseconds = performance.now() - begun;
      yield { ...nothingEnded, ...ended, rows: ids.length, milliseconds, isLast: false };
      throwFailure(failure);
    }
    if (signal.aborted) return;
    if (untidied.size > 0) await tidyAll(indexes);
    await indexes.finish();
    yield { ...nothingEnded, isLast: !signal.aborted };
  }

  /** Ends the sessions that a survey counted. */
  async function* endCounted(tokens: ReadonlySet<string>, atMost: number): AsyncGenerator<EndedBatch> {
    const all = [...tokens];
    let left = atMost;
    for (let from = 0; from < all.length && left > 0 && !signal.aborted;) {
      const some = all.slice(from, from + Math.min(ENDED_AT_ONCE, left));
      from += some.length;
      const { failure, ...batch } = await endTokens(some);
      left -= batch.sessions;
      yield batch;
      throwFailure(failure);
    }
  }

  /** Ends sessions that are only in Redis and have nothing attached. */
  async function endTokens(tokens: readonly string[]): Promise<Step> {
    const begun = performance.now();
    const { deleted, ...outcome } = await steadfast.endTokens(tokens);
    const milliseconds = performance.now() - begun;
    return {
      ...nothingEnded,
      ...outcome,
      sessions: deleted,
      secondary: deleted,
      rows: tokens.length,
      milliseconds,
      isLast: false,
    };
  }

  /**
   * Ends sessions in Redis first, then the rows of the same sessions, regardless of the rows' values and of the run's
   * signal. If Redis fails, the rows stay, so that the remaining sessions can still be found.
   */
  async function endCached(
    cached: readonly CachedSession[],
    scope: 'with indexes' | 'keys alone',
    options: EndOptions,
  ): Promise<Step> {
    const begun = performance.now();
    const ids = cached.map(({ session }) => session.id);
    const named: Selection = { ...everySession, sessionIds: ids, aliveAt: options.preserveAt };
    const withRow = new Set(await table?.steadfast.pick(named, ids.length));
    const alone = ids.filter((id) => !withRow.has(id));
    const keys = await steadfast.end(cached, scope);
    const rows = keys.failure === null ? await endRows(named, options) : NO_ROWS;
    const tokens =
      keys.failure === null && rows.failure === null
        ? await endBoundTokens(alone, options)
        : { ended: 0, failure: null };
    return {
      ...nothingEnded,
      isLast: false,
      // A session in both stores counts once. It has ended when its row has.
      sessions: rows.sessions + Math.min(alone.length, keys.deleted),
      secondary: keys.deleted,
      oauthTokens: rows.oauthTokens + tokens.ended,
      uncertain: keys.uncertain || rows.uncertain,
      rows: cached.length,
      milliseconds: performance.now() - begun,
      failure: keys.failure ?? rows.failure ?? tokens.failure,
    };
  }

  /** Ends the OAuth tokens of sessions without a row. */
  async function endBoundTokens(
    ids: readonly string[],
    { offlineTokens }: EndOptions,
  ): Promise<{ readonly ended: number; readonly failure: unknown }> {
    try {
      return { ended: (await directory.boundTokens?.end(ids, offlineTokens)) ?? 0, failure: null };
    } catch (failure) {
      return { ended: 0, failure };
    }
  }

  async function endRows(named: Selection, options: EndOptions): Promise<EndedRows> {
    if (table === null || named.sessionIds?.length === 0) return NO_ROWS;
    const sum = { sessions: 0, oauthTokens: 0, uncertain: false };
    try {
      for await (const batch of table.steadfast.end(named, { ...options, atMost: null })) {
        sum.sessions += batch.sessions;
        sum.oauthTokens += batch.oauthTokens;
        sum.uncertain ||= batch.uncertain;
      }
    } catch (failure) {
      // A batch that was rolled back and a batch whose answer was lost are reported in the same way.
      return { ...sum, uncertain: sum.uncertain || failure instanceof ConnectionError, failure };
    }
    return { ...sum, failure: null };
  }

  async function tidyAll(indexes: Gathered<string>): Promise<void> {
    for await (const { indexKeys } of steadfast.scan()) {
      if (signal.aborted) return;
      await indexes.add(indexKeys);
    }
  }
}

/** The result of a step, and the error that stopped it early, or null. */
type Step = EndedBatch & { readonly failure: unknown };
type EndedRows = Pick<Step, 'sessions' | 'oauthTokens' | 'uncertain' | 'failure'>;

const NO_ROWS: EndedRows = { sessions: 0, oauthTokens: 0, uncertain: false, failure: null };

/**
 * Whether the value found under a text that was given as a token is a session, judged by everything that is known of
 * it.
 */
function isSession({ token, readable, named, session }: CachedSession): boolean {
  return readable || named || session.userId !== null || looksLikeToken(token);
}

/** Where a session of a sorted list is found: by its token in Redis, or by its id in the database. */
interface Place {
  readonly key: Session[SortField];
  readonly id: string;
  readonly token: string | null;
}

const NOTHING_LEFT: Remaining = { sessions: 0, unreadableTimes: 0, secondary: 0, shutOut: 0, ids: [] };

/** Compares like a database that sorts text by its bytes; absent values come first. */
function compareText(one: string | null, other: string | null): number {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? -1 : 1;
  return one < other ? -1 : 1;
}

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
