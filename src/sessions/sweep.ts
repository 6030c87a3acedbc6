import { millisecondsOf, toInstant, type Instant } from './instant.ts';
import { everySession } from './selection.ts';
import type { SessionStore } from './session-store.ts';
import { UnansweredError } from './unanswered.ts';
import type { SecondarySweep, SweepStep, SweptSecondary, Verifications } from './sweeping-store.ts';
import type { EndedBatch, Pace, Stretch, SweepWay } from './ending-store.ts';
import { roundFrom, type Leg, type SweepPosition } from './sweep-round.ts';

/** Milliseconds. No wall clock is further behind UTC; one that is ahead only makes sessions seem to last longer. */
const FURTHEST_ZONE = 12 * 3_600_000;

export interface SweepOptions {
  /** Sessions that have expired by then are deleted. */
  readonly expiredAt: Instant;
  /**
   * Sessions that have expired by then, but not by `expiredAt`, are kept and counted; null if there are none to keep.
   */
  readonly keptUntil: Instant | null;
  /** Expired `verification` rows too. */
  readonly verifications: boolean;
  /** Maximum rows that may be deleted; null for no limit. */
  readonly limit: number | null;
  /** Rows that a batch reads; null adapts to how long a batch takes. */
  readonly batchSize: number | null;
  /** Where an earlier sweep stopped; null for the beginning; `anywhere` if it is not known whether there was one. */
  readonly start: SweepPosition | 'anywhere' | null;
  /** The run's signal, which stops the work after the current batch. */
  readonly signal: AbortSignal;
  /** Stops the work after the current batch, since the time limit is reached. */
  readonly timeIsUp: AbortSignal;
  /** Milliseconds that are left for the check afterwards; Infinity without a time limit. */
  readonly timeLeft: () => number;
  /** Called before every batch. If it throws, the work stops. */
  readonly before: () => Promise<void>;
  /** Called after every batch but the last, to let other clients go first. */
  readonly rest: () => Promise<void>;
  readonly onBatch: (deleted: number) => void;
  readonly remark: (text: string) => void;
}

/** The outcome of a sweep. */
export interface Sweep {
  readonly deleted: number;
  /** Deleted `verification` rows; null where they were not asked for, or there is no such table. */
  readonly verifications: number | null;
  /** The work done in secondary storage; null where there is none. */
  readonly secondary: SweptSecondary | null;
  /** What `secondary` should have ended and still exists; null where that was not checked. */
  readonly secondaryRemaining: number | null;
  readonly oauthTokens: number;
  readonly batches: number;
  /** Milliseconds. */
  readonly longestBatch: number;
  /** An answer was lost, or not waited for after the signal: one batch more than `deleted` may be gone. */
  readonly uncertain: boolean;
  /** Expired rows that still exist. Null where that is not known. */
  readonly remaining: Left | null;
  /** Expired rows to be kept, including `verification` rows. Null where that is not known. */
  readonly kept: number | null;
  /** The error that made the check afterwards fail, or null. */
  readonly unseen: unknown;
  readonly way: SweepWay | 'offline';
  readonly finishedAt: Instant;
  readonly stoppedBecause: 'complete' | 'limit' | 'max-runtime' | 'signal' | 'failed';
  /** The error that stopped the work early. */
  readonly failure: unknown;
  /** Where the next sweep continues; null for the beginning, as after a complete sweep. */
  readonly position: SweepPosition | null;
  /** It has read some rows, even if it deleted none. */
  readonly hasMoved: boolean;
}

/** Expired rows that still exist. */
export interface Left {
  /** Including `verification` rows. */
  readonly rows: number;
  /** Of those, `verification` rows; null where they were not asked for. */
  readonly verifications: number | null;
  /** Sessions whose expiry is missing or unreadable: they are kept. Null where there was no time to count them. */
  readonly unreadable: number | null;
}

/** Milliseconds for the check after a signal: the operator who stopped the run is waiting. */
const LOOK_AFTER_SIGNAL = 1000;

/**
 * The time by which a session must have expired to be deleted. Where the zone of stored times is not known, a session
 * that seems to have expired may still be valid for hours.
 * @param grace milliseconds for which expired sessions are kept
 */
export function sweepCutoff(clock: Instant, grace: number, zoneKnown: boolean): Instant {
  // A grace period may reach before the earliest time that can be expressed; nothing has expired for that long.
  return toInstant(Math.max(0, millisecondsOf(clock) - grace - (zoneKnown ? 0 : FURTHEST_ZONE)));
}

/** The sessions that had expired by a moment. */
export const expiredBy = (expiredAt: Instant) => ({ ...everySession, surelyExpiredAt: expiredAt });

/**
 * Deletes expired rows, batch by batch. Once it has begun, it does not throw for errors of the store: the report must
 * say what has been deleted by then.
 */
export async function sweep(store: SessionStore, options: SweepOptions): Promise<Sweep> {
  const { expiredAt, signal, timeIsUp } = options;
  const began = { clock: await store.readClock(), at: performance.now() };
  const verifications = options.verifications ? store.verifications : null;
  const { secondary } = store;
  const tally = startTally(verifications !== null, secondary !== null);
  let way: SweepWay = 'walk';
  let position = typeof options.start === 'object' ? options.start : null;

  const finish = async (stoppedBecause: Sweep['stoppedBecause'], failure: unknown = null): Promise<Sweep> => {
    let unseen: unknown = null;
    const look = async <Found>(ask: () => Promise<Found>): Promise<Found | null> => {
      if (stoppedBecause === 'failed' || unseen !== null) return null;
      try {
        return await ask();
      } catch (error) {
        unseen = error;
        return null;
      }
    };
    const begun = performance.now();
    const timeLeft =
      stoppedBecause === 'signal' ? () => LOOK_AFTER_SIGNAL - (performance.now() - begun) : options.timeLeft;
    const remaining = await look(() => countExpired(store, verifications, expiredAt, timeLeft));
    const { keptUntil } = options;
    const all =
      keptUntil === null || remaining === null
        ? remaining
        : await look(() => countExpired(store, verifications, keptUntil, timeLeft));
    const clock =
      stoppedBecause === 'failed' || unseen !== null ? null : await store.readClock().catch(() => null);
    return {
      ...tally.sum(),
      remaining,
      secondaryRemaining:
        stoppedBecause === 'complete'
          ? await lookAgainInSecondary(store, expiredAt, tally.sum().secondary)
          : null,
      kept: all === null || remaining === null ? null : Math.max(0, all.rows - remaining.rows),
      unseen,
      way,
      finishedAt: clock ?? toInstant(millisecondsOf(began.clock) + Math.round(performance.now() - began.at)),
      stoppedBecause,
      failure,
      position: stoppedBecause === 'complete' ? null : position,
    };
  };

  const why = (): Sweep['stoppedBecause'] | null => {
    if (signal.aborted) return 'signal';
    return timeIsUp.aborted ? 'max-runtime' : null;
  };

  try {
    const outlook = await store.sweepOutlook(expiredAt);
    ({ way } = outlook);
    const pace: Pace = { rows: options.batchSize, stop: timeIsUp, before: options.before };
    const left = () => ({
      atMost: options.limit === null ? null : Math.max(0, options.limit - tally.rows()),
      remark: options.remark,
      pace,
    });
    const isAtLimit = () => options.limit !== null && tally.rows() >= options.limit;

    const sessionTable: SweptTable = {
      name: outlook.table,
      sweep: (stretch) =>
        store.end(expiredBy(expiredAt), {
          ...left(),
          preserveAt: null,
          offlineTokens: false,
          way,
          stretch,
        }),
      count: tally.session,
    };
    const places: readonly (SweptTable | 'secondary')[] = [
      sessionTable,
      ...(verifications === null
        ? []
        : [
            {
              name: verifications.table,
              sweep: (stretch: Stretch) => verifications.sweep(expiredAt, { ...left(), stretch }),
              count: tally.verification,
            },
          ]),
      ...(secondary === null ? [] : (['secondary'] as const)),
    ];
    const legs = await roundOf(places, sessionTable);
    for (const [index, { place, stretch }] of legs.entries()) {
      if (place === 'secondary') {
        position = null;
        if (secondary !== null) await throughSecondary(secondary);
        const stopped = why();
        if (stopped !== null) return await finish(stopped);
        continue;
      }
      position = beginningOf({ place, stretch });
      let isThrough = false;
      for await (const batch of place.sweep(stretch)) {
        place.count(batch);
        isThrough = batch.isLast;
        position = isThrough ? beginningOf(legs[index + 1]) : positionIn(place, batch.position);
        options.onBatch(tally.rows());
        if (!isThrough || index + 1 < legs.length) await options.rest();
      }
      if (!isThrough || isAtLimit()) return await finish(why() ?? (await limited(store, options)));
    }
    return await finish('complete');
  } catch (error) {
    if (!(error instanceof UnansweredError)) return finish('failed', error);
    tally.isUncertain();
    return finish('signal', error);
  }

  async function roundOf(places: readonly (SweptTable | 'secondary')[], sessionTable: SweptTable) {
    const { start } = options;
    if (start === 'anywhere') return roundFrom(places, sessionTable, await store.somewhere(way));
    const first = places.find((place) => place !== 'secondary' && place.name === start?.table);
    return first === undefined
      ? roundFrom(places, sessionTable, null)
      : roundFrom(places, first, start?.at ?? null);
  }

  async function throughSecondary(storage: SecondarySweep): Promise<void> {
    const stop = AbortSignal.any([signal, timeIsUp]);
    const { before, remark } = options;
    for await (const step of storage.sweep(expiredAt, { dryRun: false, stop, before, remark })) {
      tally.secondary(step);
      options.onBatch(tally.rows());
      await options.rest();
    }
  }
}

/** A table that a sweep goes through. */
interface SweptTable {
  /** Null where there is none. */
  readonly name: string | null;
  readonly sweep: (stretch: Stretch) => AsyncIterable<EndedBatch>;
  readonly count: (batch: EndedBatch) => void;
}

/** A scan through Redis has no position to continue from; after the last part the next round begins again. */
function beginningOf(leg: Leg<SweptTable | 'secondary'> | undefined): SweepPosition | null {
  return leg === undefined || leg.place === 'secondary' ? null : positionIn(leg.place, leg.stretch.from);
}

function positionIn({ name }: SweptTable, at: string | null): SweepPosition | null {
  return name === null ? null : { table: name, at };
}

/**
 * Counts the rows that have expired by a moment and still exist. That reads the whole table. The rows seen so far would
 * not be a basis for an estimate, since expired rows are concentrated in some parts of a table.
 * @param verifications null where they are not counted
 * @param timeLeft milliseconds that it may take
 * @returns null where that was not enough
 */
export async function countExpired(
  store: Pick<SessionStore, 'countWithin' | 'lookAgain'>,
  verifications: Pick<Verifications, 'count' | 'countWithin'> | null,
  expiredAt: Instant,
  timeLeft: () => number = () => Infinity,
): Promise<Left | null> {
  const selection = expiredBy(expiredAt);
  if (timeLeft() === Infinity) {
    const { sessions, unreadableTimes } = await store.lookAgain(selection, 0);
    const others = verifications === null ? null : await verifications.count(expiredAt);
    return leftOf(sessions, others, unreadableTimes);
  }
  const sessions = await store.countWithin(selection, timeLeft());
  if (sessions === null || verifications === null)
    return sessions === null ? null : leftOf(sessions, null, null);
  const others = await verifications.countWithin(expiredAt, timeLeft());
  return others === null ? null : leftOf(sessions, others, null);
}

function leftOf(sessions: number, verifications: number | null, unreadable: number | null): Left {
  return { rows: sessions + (verifications ?? 0), verifications, unreadable };
}

/** A sweep that stopped at the limit may still have been complete. */
async function limited(
  store: SessionStore,
  { expiredAt, verifications }: Pick<SweepOptions, 'expiredAt' | 'verifications'>,
): Promise<'limit' | 'complete'> {
  const isAnyLeft = async () => {
    if ((await store.pick(expiredBy(expiredAt), 1)).length > 0) return true;
    return verifications && ((await store.verifications?.count(expiredAt)) ?? 0) > 0;
  };
  return (await isAnyLeft().catch(() => true)) ? 'limit' : 'complete';
}

/**
 * The number of sessions that a sweep of secondary storage deletes and that still exist; none where it has just found
 * none.
 * @returns null where there is no secondary storage, or the check failed
 */
export async function lookAgainInSecondary(
  { secondary }: Pick<SessionStore, 'secondary'>,
  expiredAt: Instant,
  swept: SweptSecondary | null,
): Promise<number | null> {
  if (secondary === null || swept === null) return null;
  if (swept.expired + swept.orphans === 0) return 0;
  const options = {
    dryRun: true,
    stop: new AbortController().signal,
    before: () => Promise.resolve(),
    remark: () => undefined,
  };
  let left = 0;
  try {
    for await (const step of secondary.sweep(expiredAt, options)) left += step.expired + step.orphans;
  } catch {
    return null;
  }
  return left;
}

export const nothingSwept: SweptSecondary = { expired: 0, orphans: 0, indexEntries: 0, immortalIndexes: 0 };

/** The sum of two steps in secondary storage. */
export function addSwept(one: SweptSecondary, other: SweptSecondary): SweptSecondary {
  return {
    expired: one.expired + other.expired,
    orphans: one.orphans + other.orphans,
    indexEntries: one.indexEntries + other.indexEntries,
    immortalIndexes: one.immortalIndexes + other.immortalIndexes,
  };
}

function startTally(hasVerifications: boolean, hasSecondary: boolean) {
  let [deleted, others, oauthTokens, batches, longestBatch] = [0, 0, 0, 0, 0];
  let hasMoved = false;
  let secondary = nothingSwept;
  let uncertain = false;
  const add = (batch: EndedBatch) => {
    hasMoved = true;
    oauthTokens += batch.oauthTokens;
    batches += batch.sessions > 0 || batch.uncertain ? 1 : 0;
    longestBatch = Math.max(longestBatch, batch.milliseconds);
    uncertain ||= batch.uncertain;
  };
  return {
    session: (batch: EndedBatch) => {
      add(batch);
      deleted += batch.sessions;
    },
    verification: (batch: EndedBatch) => {
      add(batch);
      others += batch.sessions;
    },
    secondary: (step: SweepStep) => {
      hasMoved = true;
      uncertain ||= step.uncertain;
      secondary = addSwept(secondary, step);
    },
    isUncertain: () => {
      uncertain = true;
    },
    rows: () => deleted + others + secondary.expired + secondary.orphans,
    sum: () => ({
      deleted,
      verifications: hasVerifications ? others : null,
      secondary: hasSecondary ? secondary : null,
      oauthTokens,
      batches,
      longestBatch: Math.round(longestBatch),
      uncertain,
      hasMoved,
    }),
  };
}
