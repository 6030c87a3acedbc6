import type { Context } from '../../context.ts';
import {
  CancelledError,
  FailedError,
  IncompleteError,
  SessionctlError,
  SurvivorsError,
} from '../../errors.ts';
import { grouped } from '../../grouped.ts';
import { counted, inNumber } from '../../output/counted.ts';
import { listedWays, unknownWays } from '../../output/ways-back-text.ts';
import { unclearAddressesText } from '../../output/unreadable.ts';
import { halfEnded, type Revocation } from '../../sessions/revocation.ts';
import type { RevocationPlan } from '../../sessions/revocation-plan.ts';
import type { Obstacle } from '../../sessions/obstacle.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import { sumOf } from '../../sessions/ways-back.ts';
import { FIX_TIMES, mayMatch } from '../note-unreadable.ts';
import type { RevocationRequest, Run } from './revocation-run.ts';

/** More ids than these are only in the report. */
const NAMED_IN_MESSAGE = 10;

/**
 * Throws the error that decides the exit code of a finished revocation; returns where everything is gone.
 * @param unrecorded the error that kept its end from being recorded, or null
 * @throws IncompleteError, SurvivorsError, FailedError, ConnectionError
 */
export function judgeRevocation(
  context: Context,
  store: SessionStore,
  { obstacles }: Pick<Run, 'obstacles'>,
  done: Revocation,
  unrecorded: unknown,
): void {
  const { database } = store.target;
  if (done.stoppedBecause === 'failed') throw failure(done);
  if (done.stoppedBecause === 'signal' && hasChangedNothing(done)) {
    throw new CancelledError(`stopped by ${String(context.system.signal.reason)}, nothing was changed`);
  }
  if (done.stoppedBecause === 'signal') {
    throw new IncompleteError(
      `stopped by ${String(context.system.signal.reason)} after ${endedBy(done)}; ${done.failure === null ? '' : `${LAST_BATCH}; `}${leftBy(done)}`,
      { hint: done.remaining === null ? LOOK_FIRST : AGAIN },
    );
  }
  if (done.stoppedBecause === 'limit' && done.remaining !== 0) {
    throw new IncompleteError(
      `the planned number of sessions is ended (${grouped(done.revoked)}); of those that match now, ${leftBy(done)}`,
      { hint: 'Run the same command again to see them in a plan.' },
    );
  }
  if (done.stoppedBecause === 'limit') {
    throw new IncompleteError(
      `--max-affected is reached after ${counted(done.revoked, 'session')}, and more signed in`,
      {
        hint: 'Run the same command again to see how many there are now.',
      },
    );
  }
  if (done.remaining !== null && done.remaining > 0) {
    const named = done.survivors.slice(0, NAMED_IN_MESSAGE);
    const more = done.remaining - named.length;
    throw new SurvivorsError(
      `${counted(done.remaining, 'session')} that should be gone ${inNumber(done.remaining, 'is', 'are')} still in ${database}: ${named.join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`,
      {
        hint: `${reasonToStay(obstacles)} They were not ended.`,
      },
    );
  }
  const { left } = done.waysBack;
  const ways = left === null ? null : listedWays(left);
  if (left !== null && ways !== null) {
    throw new SurvivorsError(`${ways} that should be gone still ${inNumber(sumOf(left), 'works', 'work')}`, {
      hint: 'They may have been created meanwhile. Run the same command again, with --user for each of the users.',
    });
  }
  const unknown = left === null ? null : unknownWays(left);
  if (unknown !== null) {
    throw new IncompleteError(`whether ${unknown} are left is not known: some of them cannot be read here`, {
      hint: 'All sessions are ended. Look for them in the application.',
    });
  }
  if (done.unseen !== null)
    throw interrupted(
      done.unseen,
      `${endedBy(done)} had been ended, ${leftBy(done)}; it is not known whether more match now, nor from when on this is effective`,
    );
  if (unrecorded !== null) {
    throw new FailedError('all sessions are ended, but the record of the end is not complete', {
      hint: unrecorded instanceof Error ? unrecorded.message : undefined,
      cause: unrecorded,
    });
  }
}

/** For a batch under way at the signal. */
export const LAST_BATCH =
  'the server did not answer in time, so whether the last batch has ended is not known';
const LOOK_FIRST =
  'Run the same command with --dry-run to see what is left, and again without it to continue.';
const AGAIN = 'Run the same command again to continue.';

function reasonToStay(obstacles: readonly Obstacle[]): string {
  const keeping = obstacles.filter(({ effect }) => effect === 'keeps').map(({ text }) => text);
  return keeping.length === 0
    ? 'A trigger or a row-level policy may keep them, or a request keeps refreshing them.'
    : `In the database, ${keeping.join('; ')}.`;
}

/** Whether nothing has changed, as far as is known. */
function hasChangedNothing({ revoked, secondary, oauthTokens, waysBack, uncertain }: Revocation): boolean {
  return revoked + (secondary?.deleted ?? 0) + oauthTokens + sumOf(waysBack.ended) === 0 && !uncertain;
}

/** How many sessions had been ended, as far as is known, and how many of them are gone from Redis alone. */
export function endedBy(done: Revocation): string {
  const { revoked, uncertain } = done;
  const half = halfEnded(done);
  const ended =
    uncertain && revoked === 0
      ? 'an unknown number of sessions'
      : `${uncertain ? 'at least ' : ''}${counted(revoked, 'session')}`;
  const others = listedWays(done.waysBack.ended);
  return [
    ended,
    ...(half === 0 ? [] : [`in Redis alone ${grouped(half)} more`]),
    ...(others === null ? [] : [others]),
  ].join(' and ');
}

/** How many sessions are left, as far as is known. */
export function leftBy({ remaining }: Pick<Revocation, 'remaining'>): string {
  return remaining === null ? 'how many are left is not known' : `${grouped(remaining)} left`;
}

/** The error that ended the work half-way, with what had been done by then. */
function failure(done: Revocation): Error {
  return interrupted(done.failure, `${endedBy(done)} had been ended by then, ${leftBy(done)}`);
}

/** @param known what had been done, and what is not known */
function interrupted(cause: unknown, known: string): Error {
  if (cause instanceof SessionctlError) return cause.withContext(known, hintToGoOn(cause.hint));
  const message = cause instanceof Error ? cause.message : String(cause);
  return new FailedError(`unexpected: ${message}; ${known}`, {
    hint: `${AGAIN} This is a defect: --verbose shows where.`,
    cause,
  });
}

/** Adds to a hint, unless it says so already, that the same command has to be run again. */
function hintToGoOn(hint: string | undefined): string {
  if (hint === undefined) return AGAIN;
  return /\bagain\b/.test(hint) ? hint : `${hint} ${AGAIN}`;
}

/** A sentence about sessions that were left alone because their address cannot be read; null where there are none. */
export function unclearAddresses({ unreadableAddresses, asked }: RevocationPlan): string | null {
  return unreadableAddresses === 0 ? null : unclearAddressesText(unreadableAddresses, asked);
}

/** @throws IncompleteError where sessions were left alone that may be meant */
export function failForUnclear(plan: RevocationPlan): void {
  const unclear = unclearAddresses(plan);
  if (unclear === null) return;
  throw new IncompleteError(
    `${unclear}, and ${inNumber(plan.unreadableAddresses, 'it', 'some')} may be meant`,
    {
      hint: 'List them with `sessionctl list --sort ipAddress --state all`, and end by id those that are meant.',
    },
  );
}

/** @throws FailedError where something that was asked for does not exist */
export function failForMissing({ missed, missingHint }: RevocationRequest): void {
  if (missed.length === 0) return;
  const named = missed.slice(0, NAMED_IN_MESSAGE).join(', ');
  const more = missed.length - NAMED_IN_MESSAGE;
  throw new FailedError(`not found: ${named}${more > 0 ? ` and ${String(more)} more` : ''}`, {
    hint: missingHint,
  });
}

/** @throws IncompleteError where sessions were left that may be meant */
export function failForUnreadable({ unreadableTimes }: Pick<Revocation, 'unreadableTimes'>): void {
  if (unreadableTimes === null || unreadableTimes === 0) return;
  throw new IncompleteError(`${mayMatch(unreadableTimes)}. They were not ended.`, {
    hint: `${FIX_TIMES} Or end them by id, or with --user, without an option that compares times.`,
  });
}
