import { startEndingWaysBack, type EndedWaysBack } from './ending-ways-back.ts';
import { millisecondsOf, toInstant, type Instant, wholeSecond } from './instant.ts';
import { startMeeting, type Met } from './met-sessions.ts';
import { everySession, takesWholeUsers, type Selection } from './selection.ts';
import type { SessionStore } from './session-store.ts';
import { UnansweredError } from './unanswered.ts';
import type { Remaining } from './ending-store.ts';
import { includesOffline, type Included } from './ways-back.ts';
import { fix, living, type RevocationPlan } from './revocation-plan.ts';

export interface RevocationOptions {
  readonly preserve: boolean;
  /** What ends besides the sessions. */
  readonly included: ReadonlySet<Included>;
  /** Continues with users who signed in meanwhile, until a pass finds no session. */
  readonly untilQuiet: boolean;
  /** Maximum sessions that may be ended; null for no limit. */
  readonly maxAffected: number | null;
  /** Stops the work after the current batch. */
  readonly signal: AbortSignal;
  /** Waits; ends early by the signal. */
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly onBatch: (revoked: number) => void;
  readonly remark: (text: string) => void;
}

/** The outcome of a revocation, and the result of the check after it. */
export interface Revocation {
  /** The selected sessions: those of the plan, and those that were added while `--until-quiet` continued. */
  readonly matched: number;
  readonly revoked: number;
  /** The totals for all selected sessions. */
  readonly met: Met;
  /** An answer was lost, or not waited for after the signal: this run may have ended one batch more than `revoked`. */
  readonly uncertain: boolean;
  readonly oauthTokens: number;
  readonly waysBack: EndedWaysBack;
  /** For secondary storage: sessions deleted, sessions still there, and users marked; null where there is none. */
  readonly secondary: {
    readonly deleted: number;
    readonly remaining: number | null;
    readonly marked: number;
    /** See `Remaining`. */
    readonly shutOut: number;
  } | null;
  readonly batches: number;
  /** Selected sessions that still exist. Null where the check failed. */
  readonly remaining: number | null;
  /** Ids of those, if there are few enough to list. */
  readonly survivors: readonly string[];
  /**
   * Sessions that match but came after the plan: new sign-ins, or sessions that changed. Null where the check failed.
   */
  readonly arrivedLater: number | null;
  /**
   * Planned sessions that stopped matching before they were ended, and stay valid. Not known for more sessions than are
   * fixed by id: then 0. Null where the check failed.
   */
  readonly noLongerMatch: number | null;
  /**
   * Sessions left alone although they may be meant: a time that the selection compares is missing or unreadable. Null
   * where the check failed.
   */
  readonly unreadableTimes: number | null;
  /**
   * By the store's clock, after the last check. If the clock cannot be read, computed from the duration of the work.
   */
  readonly finishedAt: Instant;
  /**
   * The error that made a check after the work fail, or null. After it, nothing else is checked, and those results are
   * unknown.
   */
  readonly unseen: unknown;
  readonly stoppedBecause: 'complete' | 'signal' | 'limit' | 'failed';
  /** The error that stopped the work early. */
  readonly failure: unknown;
}

/** Sessions that were deleted from secondary storage, but whose rows could not be ended, or were already gone. */
export function halfEnded({
  revoked,
  secondary,
}: {
  readonly revoked: number;
  readonly secondary: { readonly deleted: number } | null;
}): number {
  return Math.max(0, (secondary?.deleted ?? 0) - revoked);
}

/** Above this number, remaining sessions are only counted, not listed. */
const NAMED_SURVIVORS = 1000;
/** Passes without effect, although sessions remain, before giving up: a refresh may hold a row for a moment. */
const FRUITLESS_PASSES = 3;
const BETWEEN_PASSES = 300;
/** Allowance for sign-ins that had begun when the others were counted, and could not be counted yet. */
const UNDER_WAY = 100;
/** Milliseconds without a new session that count as quiet. */
const QUIET = 1000;

/**
 * Ends the planned sessions, pass after pass, until a check finds none of them. Once the clock is read, it does not
 * throw for errors of the store: the report must say what has ended by then.
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

  /** Maximum sessions that may be ended in total. */
  const most = () => Math.min(matched + UNDER_WAY, options.maxAffected ?? Infinity);

  const finish = async (
    stoppedBecause: Revocation['stoppedBecause'],
    failure: unknown = null,
  ): Promise<Revocation> => {
    let unseen: unknown = null;
    const check = async <Found>(ask: () => Promise<Found>): Promise<Found | null> => {
      // A check that has just failed after a long wait is not tried again.
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
    const others = await check(() => othersThan(store, living(plan.asked, preserveAt), meant, patience));
    const noLongerMatch = await check(() => strayed(store, fixedIds, preserveAt, meant, patience));
    const clock = await check(() => store.readClock());
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
      // Sessions that the run did not reach are not survivors.
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

  /** What is left; null if the store did not say so in time after the signal. */
  const look = async (): Promise<Remaining | null> => {
    try {
      return await store.lookAgain(pending, NAMED_SURVIVORS);
    } catch (error) {
      if (error instanceof UnansweredError) return null;
      throw error;
    }
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
      // A walk may meet sessions that did not match when it was planned. They are counted too, since they cannot be
      // told apart.
      const atMost = selection.sessionIds === null ? Math.max(0, most() - done.revoked) : null;
      // Set the marks before the first key is deleted: a request in progress could bring a session back.
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
      left = await look();
      // A refresh that read a session before it was deleted writes it again. The time counts from the last deletion.
      if (left?.sessions === 0 && store.settle > 0 && !signal.aborted) {
        await options.pause(Math.max(0, store.settle - (performance.now() - endedAt)));
        before = 0;
        left = await look();
      }
      if (left === null) return await finish('signal');
      if (signal.aborted && left.sessions > 0) return await finish('signal');
      if (left.sessions > 0) {
        if (atMost !== null && done.revoked >= most())
          return await finish(wentThrough ? 'complete' : 'limit');
        // Judged by the remaining sessions, not by the ended ones: a trigger may bring back deleted rows.
        fruitless = left.sessions < before ? 0 : fruitless + 1;
        if (fruitless >= FRUITLESS_PASSES) return await finish('complete');
        before = left.sessions;
        await options.pause(BETWEEN_PASSES);
        continue;
      }
      if (options.untilQuiet && !signal.aborted) await options.pause(QUIET);
      if (!options.untilQuiet || signal.aborted) return await complete();

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
    if (error instanceof UnansweredError) {
      left = null;
      done.uncertain = true;
      return finish('signal', error);
    }
    // The store has been waited for long enough.
    left = await store.lookAgain(pending, 0, 'once').catch(() => null);
    return finish('failed', error);
  }
}

function after(instant: Instant, milliseconds: number): Instant {
  return toInstant(millisecondsOf(instant) + Math.round(milliseconds));
}

/** The number of sessions fixed by their ids that still exist but no longer match. */
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

/** The number of sessions that match now but were not planned, and of those that may match. */
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
