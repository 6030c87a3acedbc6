import { startEndingWaysBack, type EndedWaysBack } from './ending-ways-back.ts';
import { millisecondsOf, toInstant, wholeSecond, type Instant } from './instant.ts';
import { startMeeting, type Met } from './met-sessions.ts';
import { everySession, takesWholeUsers, type Selection } from './selection.ts';
import type { Remaining, SessionStore } from './session-store.ts';
import { includesOffline, type Included } from './ways-back.ts';
import { type RevocationPlan, fix } from './revocation-plan.ts';
import { living } from './revocation-plan.ts';

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
