import { millisecondsOf, toInstant, type Instant } from './instant.ts';
import { everySession } from './selection.ts';
import type { SessionStore } from './session-store.ts';
import { UnansweredError } from './unanswered.ts';
import type { SecondarySweep, SweepStep, SweptSecondary, Verifications } from './sweeping-store.ts';
import type { EndedBatch, SweepWay } from './ending-store.ts';

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
  let isSecondarySwept = secondary === null;

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
    };
  };

  const why = (): Sweep['stoppedBecause'] | null => {
    if (signal.aborted) return 'signal';
    return timeIsUp.aborted ? 'max-runtime' : null;
  };

  try {
    way = await store.chooseSweepWay(expiredAt);
    const steps = [
      throughSessions,
      ...(verifications === null ? [] : [() => throughVerifications(verifications)]),
      ...(secondary === null ? [] : [() => throughSecondary(secondary)]),
    ];
    // Otherwise runs that are always stopped early would never reach the last one.
    const first = Math.floor(Math.random() * steps.length);
    for (const [index, step] of [...steps.slice(first), ...steps.slice(0, first)].entries()) {
      if (index > 0) await options.rest();
      const isThrough = await step();
      if (!isThrough || isAtLimit())
        return await finish(why() ?? (await limited(store, options, isSecondarySwept)));
    }
    return await finish('complete');
  } catch (error) {
    if (!(error instanceof UnansweredError)) return finish('failed', error);
    tally.isUncertain();
    return finish('signal', error);
  }

  function isAtLimit(): boolean {
    return options.limit !== null && tally.rows() >= options.limit;
  }

  function endOptions() {
    return {
      atMost: options.limit === null ? null : Math.max(0, options.limit - tally.rows()),
      remark: options.remark,
      pace: { rows: options.batchSize, stop: timeIsUp, before: options.before },
    };
  }

  function throughSessions(): Promise<boolean> {
    const batches = store.end(expiredBy(expiredAt), {
      ...endOptions(),
      preserveAt: null,
      offlineTokens: false,
      way,
      startsAnywhere: true,
    });
    return throughTable(batches, tally.session);
  }

  function throughVerifications(table: Verifications): Promise<boolean> {
    return throughTable(table.sweep(expiredAt, endOptions()), tally.verification);
  }

  /** @returns whether it came to the end */
  async function throughTable(
    batches: AsyncIterable<EndedBatch>,
    count: (batch: EndedBatch) => void,
  ): Promise<boolean> {
    for await (const batch of batches) {
      count(batch);
      options.onBatch(tally.rows());
      if (batch.isLast) return true;
      await options.rest();
    }
    return false;
  }

  /** @returns whether it came to the end */
  async function throughSecondary(storage: SecondarySweep): Promise<boolean> {
    const stop = AbortSignal.any([signal, timeIsUp]);
    const { before, remark } = options;
    for await (const step of storage.sweep(expiredAt, { dryRun: false, stop, before, remark })) {
      tally.secondary(step);
      options.onBatch(tally.rows());
      await options.rest();
    }
    isSecondarySwept = why() === null;
    return isSecondarySwept;
  }
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
  isSecondarySwept: boolean,
): Promise<'limit' | 'complete'> {
  if (!isSecondarySwept) return 'limit';
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
