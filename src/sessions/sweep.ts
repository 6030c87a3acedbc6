import { millisecondsOf, toInstant, type Instant } from './instant.ts';
import { everySession } from './selection.ts';
import type { EndedBatch, EndOptions, Pace, SessionStore, SweepWay } from './session-store.ts';

/** Milliseconds. No clock on the wall is further behind UTC; one that is ahead makes sessions seem to live longer. */
const FURTHEST_ZONE = 12 * 3_600_000;

export interface SweepOptions {
  /** What has expired by then is deleted. */
  readonly expiredAt: Instant;
  /** Expired `verification` rows too. */
  readonly verifications: boolean;
  /** Rows that may be deleted altogether; null for any number. */
  readonly limit: number | null;
  /** Rows that a batch looks at; null adapts to how long a batch takes. */
  readonly batchSize: number | null;
  /** The run's signal, which ends the work after the batch at hand. */
  readonly signal: AbortSignal;
  /** Ends the work after the batch at hand, since it has gone on for long enough. */
  readonly timeIsUp: AbortSignal;
  /** Called before every batch. What it throws ends the work. */
  readonly before: () => Promise<void>;
  /** Called after every batch but the last, to let others go first. */
  readonly rest: () => Promise<void>;
  readonly onBatch: (deleted: number) => void;
  readonly remark: (text: string) => void;
}

/** What a sweep did. */
export interface Sweep {
  readonly deleted: number;
  /** Deleted `verification` rows; null where they were not asked for, or there is no such table. */
  readonly verifications: number | null;
  readonly oauthTokens: number;
  readonly batches: number;
  /** Milliseconds. */
  readonly longestBatch: number;
  /** A connection broke while an answer was on its way: a batch more than `deleted` may be gone. */
  readonly uncertain: boolean;
  /** Expired rows, `verification` rows included, that are still there. Null where nobody knows. */
  readonly remaining: { readonly rows: number; readonly isEstimate: boolean } | null;
  readonly way: SweepWay | 'offline';
  readonly finishedAt: Instant;
  readonly stoppedBecause: 'complete' | 'limit' | 'max-runtime' | 'signal' | 'failed';
  /** What ended the work before its time. */
  readonly failure: unknown;
}

/**
 * By when a session must have expired to be deleted. Where the zone of stored times is not known, a session that seems to
 * have expired may live for hours yet.
 * @param grace milliseconds for which expired sessions are kept
 */
export function sweepCutoff(clock: Instant, grace: number, zoneKnown: boolean): Instant {
  // A grace may be longer than anything that can be told of time; nothing has expired for that long.
  return toInstant(Math.max(0, millisecondsOf(clock) - grace - (zoneKnown ? 0 : FURTHEST_ZONE)));
}

/** What had expired by a moment. */
export const expiredBy = (expiredAt: Instant) => ({ ...everySession, surelyExpiredAt: expiredAt });

/**
 * Deletes what has expired, bit by bit. Once it has begun, it does not throw for what the store does: what has been
 * deleted by then must be told.
 */
export async function sweep(store: SessionStore, options: SweepOptions): Promise<Sweep> {
  const { expiredAt, signal, timeIsUp } = options;
  const began = { clock: await store.readClock(), at: performance.now() };
  const tally = startTally(options.verifications && store.verifications !== null);
  let way: SweepWay = 'walk';
  let rows = 0;

  const finish = async (stoppedBecause: Sweep['stoppedBecause'], failure: unknown = null): Promise<Sweep> => {
    // Of a table too large to be counted in time, what is left stays unknown, and the sweep has done its work.
    const remaining = await whatRemains(stoppedBecause).catch(() => null);
    return {
      ...tally.sum(),
      remaining,
      way,
      finishedAt: await store
        .readClock()
        .catch(() => toInstant(millisecondsOf(began.clock) + Math.round(performance.now() - began.at))),
      stoppedBecause,
      failure,
    };
  };

  /** Looking again costs a way through the whole table, for which whoever was told to stop has no time. */
  async function whatRemains(stoppedBecause: Sweep['stoppedBecause']): Promise<Sweep['remaining']> {
    if (stoppedBecause === 'failed') return null;
    if (stoppedBecause !== 'signal' || way === 'index') {
      const counted = await count().catch(() => null);
      if (counted !== null) return { rows: counted, isEstimate: false };
    }
    // Of another table nothing is known then.
    if (options.verifications && store.verifications !== null) return null;
    const { looked, sessions } = tally.share();
    // Where nothing was met, that says nothing of the rest.
    if (sessions === 0) return null;
    return { rows: Math.round((sessions / looked) * Math.max(0, rows - looked)), isEstimate: true };
  }

  async function count(): Promise<number> {
    const { sessions } = await store.lookAgain(expiredBy(expiredAt), 0);
    return sessions + (options.verifications ? ((await store.verifications?.count(expiredAt)) ?? 0) : 0);
  }

  const why = (): Sweep['stoppedBecause'] | null => {
    if (signal.aborted) return 'signal';
    return timeIsUp.aborted ? 'max-runtime' : null;
  };

  /** Whether everything of one kind was gone through. */
  const through = async (
    batches: AsyncIterable<EndedBatch>,
    count: (batch: EndedBatch) => void,
  ): Promise<boolean> => {
    for await (const batch of batches) {
      count(batch);
      options.onBatch(tally.rows());
      if (batch.isLast) return true;
      await options.rest();
    }
    return false;
  };

  try {
    ({ way, rows } = await store.sweepOutlook(expiredAt));
    const pace: Pace = { rows: options.batchSize, stop: timeIsUp, before: options.before };
    const left = (): Pick<EndOptions, 'atMost' | 'remark' | 'pace'> => ({
      atMost: options.limit === null ? null : Math.max(0, options.limit - tally.rows()),
      remark: options.remark,
      pace,
    });
    const isAtLimit = () => options.limit !== null && tally.rows() >= options.limit;
    const sessions = store.end(expiredBy(expiredAt), {
      ...left(),
      preserveAt: null,
      offlineTokens: false,
      way,
    });
    const wasThrough = await through(sessions, tally.session);
    if (!wasThrough || isAtLimit()) return await finish(why() ?? (await limited(store, options)));

    if (options.verifications && store.verifications !== null) {
      const isDone = await through(store.verifications.sweep(expiredAt, left()), tally.verification);
      if (!isDone || isAtLimit()) return await finish(why() ?? (await limited(store, options)));
    }
    return await finish('complete');
  } catch (error) {
    return finish('failed', error);
  }
}

/** Who stopped at the limit may have been done all the same. */
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

function startTally(hasVerifications: boolean) {
  let [deleted, others, oauthTokens, batches, longestBatch, looked] = [0, 0, 0, 0, 0, 0];
  let uncertain = false;
  const add = (batch: EndedBatch) => {
    oauthTokens += batch.oauthTokens;
    batches += batch.sessions > 0 || batch.uncertain ? 1 : 0;
    longestBatch = Math.max(longestBatch, batch.milliseconds);
    uncertain ||= batch.uncertain;
  };
  return {
    session: (batch: EndedBatch) => {
      add(batch);
      deleted += batch.sessions;
      looked += batch.rows;
    },
    verification: (batch: EndedBatch) => {
      add(batch);
      others += batch.sessions;
    },
    rows: () => deleted + others,
    /** Of the sessions. */
    share: () => ({ looked, sessions: deleted }),
    sum: () => ({
      deleted,
      verifications: hasVerifications ? others : null,
      oauthTokens,
      batches,
      longestBatch: Math.round(longestBatch),
      uncertain,
    }),
  };
}
