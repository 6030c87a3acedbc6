import { startEndingWaysBack, type EndedWaysBack } from './ending-ways-back.ts';
import { millisecondsOf, toInstant, wholeSecond, type Instant } from './instant.ts';
import { startMeeting, type Met } from './met-sessions.ts';
import { dependsOnTimes, everySession, takesWholeUsers, type Selection } from './selection.ts';
import type { Remaining, SessionStore, Survey } from './session-store.ts';
import type { Session } from './session.ts';
import { countUnclearAddresses } from './unclear-addresses.ts';
import { includesOffline, usersNamedBy, type Included } from './ways-back.ts';

/** What a revocation would do, as it is shown before anything is done. */
export interface RevocationPlan {
  /** What was asked for; from now on others may come to match it. */
  readonly asked: Selection;
  /** Of that, those who are there at present. */
  readonly selection: Selection;
  readonly survey: Survey;
  /** Sessions that are left alone since their address cannot be read. */
  readonly unreadableAddresses: number;
  /** As `Remaining.unreadableTimes` of what was asked for. */
  readonly unreadableTimes: number;
  /** Some of the sessions. */
  readonly sample: readonly Session[];
  /** The sample is the newest activity of all; too many to be sorted, it is whatever the store comes upon first. */
  readonly isNewest: boolean;
  /** How many sessions there are in the states that are meant; null where that was not worth a count. */
  readonly all: number | null;
}

export interface PlanOptions {
  /** Rows are kept as records (Better Auth's `preserveSessionInDatabase`): those that have expired are such already. */
  readonly preserve: boolean;
  readonly sampleSize: number;
}

/** Counts what a selection holds, and fixes that this is what is meant: whoever comes to match later is not. */
export async function planRevocation(
  store: SessionStore,
  asked: Selection,
  options: PlanOptions,
): Promise<RevocationPlan> {
  const clock = await store.readClock();
  const preserveAt = options.preserve ? wholeSecond(clock) : null;
  const { selection, survey, some } = await fix(store, asked, clock, preserveAt);
  const isNewest = survey.sessions <= (store.secondary === null ? SORTED : SORTED_BY_HAND);
  const limit = Math.min(options.sampleSize, survey.sessions);
  // Ranking everybody takes as long for five of them as for all: some of the first that it gave will do.
  const ranksAgain = selection.keepNewest !== null && !isNewest;
  const meant = ranksAgain
    ? { ...everySession, sessionIds: some.slice(0, limit) }
    : living(selection, preserveAt);
  const sample = limit === 0 ? [] : await sampleOf(store, meant, limit, isNewest);
  const unreadableAddresses = await countUnclearAddresses(store, living(asked, preserveAt));
  const unreadableTimes = await unreadableIn(store, asked);
  const everybody = living({ ...everySession, state: asked.state }, preserveAt);
  const all = asked.sessionIds === null ? await countAll(store, everybody, survey.sessions) : null;
  return { asked, selection, survey, unreadableAddresses, unreadableTimes, sample, isNewest, all };
}

async function unreadableIn(store: SessionStore, asked: Selection): Promise<number> {
  return dependsOnTimes(asked) ? (await store.lookAgain(asked, 0, 'once')).unreadableTimes : 0;
}

/** Of so many sessions in all, more than half are nearly everybody. */
export const CROWD = 100;
/** So many are counted whatever they are compared with. */
const FEW = 1000;

/**
 * Counts all sessions. A large table is read for a large selection alone: what ends a few must not wait for it.
 * @returns null where a selection is far from half of them
 */
async function countAll(store: SessionStore, everybody: Selection, meant: number): Promise<number | null> {
  const inRedis = store.secondary !== null;
  if (meant >= CROWD || (inRedis && meant > CROWD / 2)) return Math.max(meant, await store.count(everybody));
  if (inRedis) return null;
  const some = await store.pick(everybody, FEW + 1);
  return some.length > FEW ? null : Math.max(meant, some.length);
}

/**
 * So many sessions are fixed by their ids. Of more, the ids would fill memory, and the database would look up one by one
 * what it finds faster on a walk through the table.
 */
const PICKED = 10_000;

/** Those who match and are there: by their ids, or bounded by when they signed in. */
async function fix(
  store: SessionStore,
  asked: Selection,
  clock: Instant,
  preserveAt: Instant | null,
): Promise<{
  readonly selection: Selection;
  readonly survey: Survey;
  /** Ids of the first that were found, where they had to be found. */
  readonly some: readonly string[];
}> {
  if (asked.sessionIds === null) {
    const ids = await store.pick(living(asked, preserveAt), PICKED + 1);
    if (ids.length > PICKED) {
      const survey = await store.survey(living(asked, preserveAt), usersNamedBy(asked));
      const newest = asked.keepNewest === null ? survey.newest : await newestOf(store);
      return { selection: bounded(asked, { newest }, clock, store.zoneKnown), survey, some: ids };
    }
    return named({ ...asked, sessionIds: ids });
  }
  return named(asked);

  async function named(selection: Selection) {
    const survey = await store.survey(living(selection, preserveAt), usersNamedBy(asked));
    return { selection, survey, some: selection.sessionIds ?? [] };
  }
}

/** When the latest session of all began: whoever is to keep the newest has to know of those that stay, too. */
async function newestOf(store: SessionStore): Promise<Instant | null> {
  const latest = { sort: { field: 'createdAt', direction: 'desc' }, limit: 1 } as const;
  for await (const [session] of store.list({ ...everySession, state: 'active' }, latest))
    return session?.createdAt ?? null;
  return null;
}

/** To find the newest of more sessions than these takes longer than anybody wants to wait for five lines. */
const SORTED = 100_000;

/** Redis sorts nothing: each of them has to be fetched for it. */
const SORTED_BY_HAND = 10_000;

/** Fewer where one cannot be read: that is no reason not to end it. */
async function sampleOf(
  store: SessionStore,
  selection: Selection,
  limit: number,
  isNewest: boolean,
): Promise<readonly Session[]> {
  const sample: Session[] = [];
  try {
    const sort = isNewest ? ({ field: 'lastActiveAt', direction: 'desc' } as const) : null;
    for await (const chunk of store.list(selection, { sort, limit })) sample.push(...chunk);
  } catch {
    return sample;
  }
  return sample;
}

export interface RevocationOptions {
  readonly preserve: boolean;
  /** What is ended beside the sessions. */
  readonly included: ReadonlySet<Included>;
  /** Goes on with those who signed in meanwhile, until a pass finds nobody. */
  readonly untilQuiet: boolean;
  /** Sessions that may be ended altogether; null for any number. */
  readonly maxAffected: number | null;
  /** Ends the work after the batch at hand. */
  readonly signal: AbortSignal;
  /** Waits; ends early by the signal. */
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly onBatch: (revoked: number) => void;
  readonly remark: (text: string) => void;
}

/** What a revocation did, and what it found when it looked again. */
export interface Revocation {
  /** Sessions that were meant: those of the plan, and those that came while it went on until quiet. */
  readonly matched: number;
  readonly revoked: number;
  /** What belongs to all that were meant. */
  readonly met: Met;
  /** A connection broke while an answer was on its way: a batch more than `revoked` may have been ended by this run. */
  readonly uncertain: boolean;
  readonly oauthTokens: number;
  readonly waysBack: EndedWaysBack;
  /** Deleted from secondary storage, and still there, and users who were marked; null where there is none. */
  readonly secondary: {
    readonly deleted: number;
    readonly remaining: number | null;
    readonly marked: number;
    /** As of `Remaining`. */
    readonly shutOut: number;
  } | null;
  readonly batches: number;
  /** Of what was meant, still there. Null where looking again failed. */
  readonly remaining: number | null;
  /** Ids of those, as far as they are fit to be listed. */
  readonly survivors: readonly string[];
  /** Match as well, and came after the plan: they signed in, or changed so as to match. Null where looking failed. */
  readonly arrivedLater: number | null;
  /**
   * Were planned, ceased to match before they were reached, and stay valid. Of more than are fixed by id it is not known:
   * 0. Null where looking failed.
   */
  readonly noLongerMatch: number | null;
  /**
   * Left alone, though they may be meant: a time that the selection compares is missing or cannot be read. Null where
   * looking failed.
   */
  readonly unreadableTimes: number | null;
  /** By the store's clock, after the last look; where the clock cannot be read, by the time that the work took. */
  readonly finishedAt: Instant;
  /** What kept a look after the work from its answer, or null. From then on nothing else is asked: it is not known. */
  readonly unseen: unknown;
  readonly stoppedBecause: 'complete' | 'signal' | 'limit' | 'failed';
  /** What ended the work before its time. */
  readonly failure: unknown;
}

/** Sessions that were deleted from secondary storage, and whose rows could not be ended any more, or had gone already. */
export function halfEnded({
  revoked,
  secondary,
}: {
  readonly revoked: number;
  readonly secondary: { readonly deleted: number } | null;
}): number {
  return Math.max(0, (secondary?.deleted ?? 0) - revoked);
}

/** More ids of survivors than this are a number. */
const NAMED_SURVIVORS = 1000;
/** A pass that ends nothing though something is left is tried so often: a refresh may hold a row for a moment. */
const FRUITLESS_PASSES = 3;
const BETWEEN_PASSES = 300;
/** Sign-ins that had begun when the others were counted, and were not yet there to be counted. */
const UNDER_WAY = 100;
/** So long nobody may come for it to count as quiet. */
const QUIET = 1000;

/**
 * Ends what was planned: pass after pass until looking again finds nothing of it. Once the clock is read, it does not throw
 * for what the store does: the report has to say what has ended by then.
 * @throws ConnectionError where the clock cannot be read; then nothing was changed
 */
export async function revoke(
  store: SessionStore,
  plan: RevocationPlan,
  options: RevocationOptions,
): Promise<Revocation> {
  const { signal } = options;
  let { selection } = plan;
  let fixedIds = selection.sessionIds ?? [];
  let matched = plan.survey.sessions;
  let before = matched;
  let fruitless = 0;
  const meets = await startMeeting(store, plan, options.untilQuiet);
  const ways = startEndingWaysBack(store, plan.asked, options.included);
  const begun = await store.readClock();
  const started = performance.now();
  const done = { revoked: 0, oauthTokens: 0, batches: 0, uncertain: false };
  let preserveAt: Instant | null = null;
  let pending = selection;
  let left: Remaining | null = null;
  let secondaryDeleted = 0;
  let marked = 0;
  /** Users whose sessions the next pass may end, and who are not marked yet; null once they are. */
  let unmarked = plan.survey.newestOf;

  /** Sessions that may be ended altogether. */
  const most = () => Math.min(matched + UNDER_WAY, options.maxAffected ?? Infinity);

  const finish = async (
    stoppedBecause: Revocation['stoppedBecause'],
    failure: unknown = null,
  ): Promise<Revocation> => {
    let unseen: unknown = null;
    const look = async <Found>(ask: () => Promise<Found>): Promise<Found | null> => {
      // What has just failed after a long wait is not waited for again.
      if (left === null || unseen !== null) return null;
      try {
        return await ask();
      } catch (error) {
        unseen = error;
        return null;
      }
    };
    const patience = stoppedBecause === 'failed' ? 'once' : 'patient';
    const meant = left?.sessions ?? 0;
    const others = await look(() => othersThan(store, living(plan.asked, preserveAt), meant, patience));
    const noLongerMatch = await look(() => strayed(store, fixedIds, preserveAt, meant, patience));
    const clock = await look(() => store.readClock());
    return {
      ...done,
      matched,
      met: meets.met(),
      waysBack: ways.done(),
      secondary:
        store.secondary === null
          ? null
          : {
              deleted: secondaryDeleted,
              remaining: left?.secondary ?? null,
              marked,
              shutOut: left?.shutOut ?? 0,
            },
      remaining: left === null ? null : left.sessions - left.shutOut,
      // What was not reached has survived nothing.
      survivors: stoppedBecause === 'complete' ? (left?.ids ?? []) : [],
      arrivedLater: others?.arrivedLater ?? null,
      unreadableTimes: others?.unreadableTimes ?? null,
      noLongerMatch,
      finishedAt: clock ?? after(begun, performance.now() - started),
      unseen,
      stoppedBecause,
      failure,
    };
  };

  const complete = async () => {
    await ways.endAgain();
    return finish('complete');
  };

  try {
    await ways.endOf(selection);
    for (;;) {
      preserveAt = options.preserve ? wholeSecond(await store.readClock()) : null;
      pending = living(selection, preserveAt);
      left = null;
      const { remark } = options;
      const offlineTokens = includesOffline(options.included);
      // On a walk those may come by that did not match when it was planned. They are not told apart, but counted.
      const atMost = selection.sessionIds === null ? Math.max(0, most() - done.revoked) : null;
      // Before the first key goes: a request under way could bring a session back.
      if (unmarked !== null && selection.keepNewest === null) {
        const isWhole = takesWholeUsers(plan.asked);
        marked += await store.markUsers({ selection, newestOf: unmarked, isWhole });
      }
      unmarked = null;
      let wentThrough = true;
      let endedAt = performance.now();
      for await (const batch of store.end(pending, { preserveAt, offlineTokens, atMost, remark })) {
        wentThrough = batch.isLast;
        secondaryDeleted += batch.secondary;
        const { sessions, secondary, oauthTokens, uncertain } = batch;
        if (sessions === 0 && secondary === 0 && oauthTokens === 0 && !uncertain) continue;
        endedAt = performance.now();
        done.revoked += sessions;
        done.oauthTokens += oauthTokens;
        done.batches += 1;
        done.uncertain ||= uncertain;
        options.onBatch(done.revoked);
      }
      left = await store.lookAgain(pending, NAMED_SURVIVORS);
      // A refresh that had read a session before it went writes it again. What was done since the last one went counts.
      if (left.sessions === 0 && store.settle > 0 && !signal.aborted) {
        await options.pause(Math.max(0, store.settle - (performance.now() - endedAt)));
        before = 0;
        left = await store.lookAgain(pending, NAMED_SURVIVORS);
      }
      if (signal.aborted && left.sessions > 0) return await finish('signal');
      if (left.sessions > 0) {
        if (atMost !== null && done.revoked >= most())
          return await finish(wentThrough ? 'complete' : 'limit');
        // By what is left, not by what was ended: a trigger may bring back what it saw go.
        fruitless = left.sessions < before ? 0 : fruitless + 1;
        if (fruitless >= FRUITLESS_PASSES) return await finish('complete');
        before = left.sessions;
        await options.pause(BETWEEN_PASSES);
        continue;
      }
      if (!options.untilQuiet || signal.aborted) return await complete();

      await options.pause(QUIET);
      const next = await fix(store, plan.asked, await store.readClock(), preserveAt);
      const arrived = next.survey.sessions;
      if (arrived === 0) return await complete();
      if (options.maxAffected !== null && matched + arrived > options.maxAffected)
        return await finish('limit');
      await meets.add(next);
      await ways.endOf(next.selection);
      matched += arrived;
      before = arrived;
      selection = next.selection;
      unmarked = next.survey.newestOf;
      fixedIds = [...fixedIds, ...(selection.sessionIds ?? [])];
    }
  } catch (error) {
    // The store has been waited for long enough.
    left = await store.lookAgain(pending, 0, 'once').catch(() => null);
    return finish('failed', error);
  }
}

function after(instant: Instant, milliseconds: number): Instant {
  return toInstant(millisecondsOf(instant) + Math.round(milliseconds));
}

/** How many that were fixed by their ids are there, and do not match any more. */
async function strayed(
  store: SessionStore,
  fixedIds: readonly string[],
  preserveAt: Instant | null,
  matching: number,
  patience: 'patient' | 'once',
): Promise<number> {
  if (fixedIds.length === 0) return 0;
  const fixed = living({ ...everySession, sessionIds: fixedIds }, preserveAt);
  const there = await store.lookAgain(fixed, 0, patience);
  return Math.max(0, there.sessions - matching);
}

/** How many match by now and were not meant, and how many may match. */
async function othersThan(
  store: SessionStore,
  asked: Selection,
  meant: number,
  patience: 'patient' | 'once',
): Promise<{ readonly arrivedLater: number; readonly unreadableTimes: number }> {
  if (asked.sessionIds !== null) return { arrivedLater: 0, unreadableTimes: 0 };
  const { sessions, unreadableTimes } = await store.lookAgain(asked, 0, patience);
  return { arrivedLater: Math.max(0, sessions - meant), unreadableTimes };
}

/**
 * Bounds a selection to those who are there. The bound is the store's present; but where clocks differ, or a zone is
 * not known, sessions may say that they began later, or hours ago: the latest of those that were counted decides then.
 */
function bounded(
  selection: Selection,
  { newest }: Pick<Survey, 'newest'>,
  clock: Instant,
  zoneKnown: boolean,
): Selection {
  if (newest === null) return { ...selection, presentAt: clock };
  return { ...selection, presentAt: zoneKnown && clock > newest ? clock : newest };
}

/** Where rows are kept as records, those that live longer than until the moment: the others are records already. */
function living(selection: Selection, moment: Instant | null): Selection {
  if (moment === null) return selection;
  return { ...selection, aliveAt: moment };
}
