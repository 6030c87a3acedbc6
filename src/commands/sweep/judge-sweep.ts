import type { Context } from '../../context.ts';
import { CancelledError, FailedError, IncompleteError, SessionctlError } from '../../errors.ts';
import { grouped } from '../../grouped.ts';
import { runsOf } from '../../history/history-runs.ts';
import { counted } from '../../output/counted.ts';
import type { SweepReport } from '../../output/sweep-report.ts';
import type { RecordedStore } from '../../history/shared-history.ts';
import type { Sweep } from '../../sessions/sweep.ts';
import { LAST_BATCH } from '../revocation/judge-revocation.ts';
import type { SweepRequest } from './sweep-options.ts';

/** The result of a sweep. */
export interface JudgedSweep {
  readonly report: SweepReport;
  readonly done: Pick<Sweep, 'failure' | 'unseen' | 'hasMoved'>;
  /** The error that kept its end from being recorded, or null. */
  readonly unrecorded: unknown;
  /** The error that kept the report from being written, or null. */
  readonly unread: unknown;
}

/** Whether nothing has changed, as far as is known. */
export function hasChangedNothing({ deleted, verifications, secondary, uncertain }: SweepReport): boolean {
  return deleted + (verifications ?? 0) + (secondary?.deleted ?? 0) === 0 && !uncertain;
}

/**
 * Throws the error that decides the exit code of a finished sweep; returns where everything is gone.
 * @throws IncompleteError, FailedError, ConnectionError, LockedError, CancelledError
 */
export async function judgeSweep(
  context: Context,
  store: RecordedStore,
  request: SweepRequest,
  judged: JudgedSweep,
): Promise<void> {
  const { report, done, unrecorded, unread } = judged;
  const { failure, unseen } = done;
  const { deleted, remaining, stoppedBecause } = report;
  const next = whatIsNext(judged);
  const others = report.verifications ?? 0;
  const soFar = `${counted(deleted, 'expired session')}${others === 0 ? '' : ` and ${counted(others, 'verification')}`} had been deleted by then`;
  if (stoppedBecause === 'failed') {
    if (failure instanceof SessionctlError) throw failure.withContext(soFar, failure.hint ?? next);
    const message = failure instanceof Error ? failure.message : String(failure);
    throw new FailedError(`unexpected: ${message}; ${soFar}`, {
      hint: `${next} This is a defect: --verbose shows where.`,
      cause: failure,
    });
  }
  if (stoppedBecause === 'signal') {
    const by = String(context.system.signal.reason);
    if (hasChangedNothing(report))
      throw new CancelledError(`stopped by ${by}, nothing was changed`, { hint: next });
    const lastBatch = failure === null ? '' : `; ${LAST_BATCH}`;
    throw new IncompleteError(`stopped by ${by}; ${soFar}${lastBatch}`, { hint: next });
  }
  if (stoppedBecause !== 'complete') {
    const backlog = await growth(context, store, report);
    const hint = backlog === null ? next : `${backlog} ${next}`;
    const why =
      stoppedBecause === 'limit'
        ? `stopped by --limit ${String(request.limit)} with expired rows left`
        : `stopped by --max-runtime before ${done.hasMoved ? 'everything was checked' : 'the first batch'}`;
    throw new IncompleteError(`${why}; ${soFar}`, { hint });
  }
  if (remaining !== null && remaining > 0) {
    throw new FailedError(
      `${counted(remaining, 'row')} that had expired ${remaining === 1 ? 'is' : 'are'} still in ${store.target.database}; ${soFar}`,
      {
        hint: 'A rule, a trigger or a row-level policy may keep them, and the next run will not delete them either. `sessionctl doctor` names it.',
      },
    );
  }
  const unknown = `${soFar}; how many are left is not known`;
  const lookAgain = 'Run it again: it counts what is left.';
  if (unseen instanceof SessionctlError) throw unseen.withContext(unknown, unseen.hint ?? lookAgain);
  if (unseen !== null) throw new FailedError(`unexpected: ${unknown}`, { hint: lookAgain, cause: unseen });
  if (remaining === null)
    throw new IncompleteError(`stopped by --max-runtime after everything was checked; ${unknown}`, {
      hint: 'Raise --max-runtime to count what is left.',
    });
  const inRedis = report.secondary?.remaining ?? 0;
  if (inRedis > 0) {
    throw new FailedError(
      `${counted(inRedis, 'session')} that had expired, or whose user is gone, ${inRedis === 1 ? 'is' : 'are'} still in Redis; ${soFar}`,
      { hint: 'A request may have written them again. Run sweep again.' },
    );
  }
  if (unrecorded !== null) {
    throw new FailedError('the sweep is done, but the record of its end is not complete', {
      hint: unrecorded instanceof Error ? unrecorded.message : undefined,
      cause: unrecorded,
    });
  }
  if (unread instanceof SessionctlError) throw unread.withContext(soFar, undefined);
  if (unread instanceof Error) throw unread;
}

/** What the next run does after a sweep that was stopped. */
function whatIsNext({ report: { stoppedBecause }, done: { hasMoved } }: JudgedSweep): string {
  if (!hasMoved) {
    const advice =
      stoppedBecause === 'max-runtime' ? ' Raise --max-runtime, or set a smaller --batch-size.' : '';
    return `No progress: no batch finished.${advice}`;
  }
  return 'Run it again: each run starts at a random place, so several short ones cover everything.';
}

/**
 * A warning where more rows are left than after the previous sweep; null where fewer are, or where that is not known.
 */
async function growth(
  context: Context,
  store: RecordedStore,
  { runId, remaining }: SweepReport,
): Promise<string | null> {
  if (remaining === null) return null;
  const records = await context
    .history()
    .then((history) => history.read())
    .then((content) => content.records)
    .catch(() => []);
  const before = runsOf(records).find(
    (run) =>
      run.command === 'sweep' &&
      run.runId !== runId &&
      run.target.database === store.target.database &&
      run.remaining !== null,
  );
  if (before?.remaining === undefined || before.remaining === null || before.remaining >= remaining)
    return null;
  return `The backlog grows: ${grouped(remaining)} expired rows are left, ${grouped(before.remaining)} after the sweep of ${before.startedAt}. Raise the limit, or sweep more often.`;
}
