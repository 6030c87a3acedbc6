import type { Context } from '../context.ts';
import { CancelledError, FailedError, IncompleteError, SessionctlError } from '../errors.ts';
import { runsOf } from '../history/history-runs.ts';
import { counted } from '../output/counted.ts';
import type { SweepReport } from '../output/sweep-report.ts';
import type { RecordedStore } from '../history/shared-history.ts';
import type { SweepRequest } from './sweep-options.ts';

/**
 * What a sweep that came to an end means for the exit code: nothing where all is gone.
 * @param failure what ended it before its time, or null
 * @param unrecorded what kept its end from being recorded, or null
 * @throws IncompleteError, FailedError, ConnectionError, LockedError, CancelledError
 */
export async function judgeSweep(
  context: Context,
  store: RecordedStore,
  request: SweepRequest,
  report: SweepReport,
  failure: unknown,
  unrecorded: unknown,
): Promise<void> {
  const { deleted, remaining, stoppedBecause } = report;
  const next = 'The next run goes on.';
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
    if (deleted + others === 0 && !report.uncertain)
      throw new CancelledError(`stopped by ${by}, nothing was changed`);
    throw new IncompleteError(`stopped by ${by}; ${soFar}`, { hint: next });
  }
  if (stoppedBecause !== 'complete') {
    const hint = (await growth(context, store, report)) ?? next;
    const why =
      stoppedBecause === 'limit'
        ? `stopped by --limit ${String(request.limit)} with expired rows left`
        : 'stopped by --max-runtime before the whole table was gone through';
    throw new IncompleteError(`${why}; ${soFar}`, { hint });
  }
  if (remaining !== null && remaining > 0) {
    throw new FailedError(
      `${counted(remaining, 'row')} that had expired ${remaining === 1 ? 'is' : 'are'} still in ${store.target.database}; ${soFar}`,
      { hint: 'A trigger or a row-level policy may keep them: the next run will not delete them either.' },
    );
  }
  if (unrecorded !== null) {
    throw new FailedError('the sweep is done, but the history has no record of its end', {
      hint: unrecorded instanceof Error ? unrecorded.message : undefined,
      cause: unrecorded,
    });
  }
}

/** Whether more is left than the sweep before has left, in words; null where less is, or nobody knows. */
async function growth(
  context: Context,
  store: RecordedStore,
  { runId, remaining }: SweepReport,
): Promise<string | null> {
  if (remaining === null) return null;
  const history = await context.history();
  const { records } = await history.read();
  const before = runsOf(records).find(
    (run) =>
      run.command === 'sweep' &&
      run.runId !== runId &&
      run.target.database === store.target.database &&
      run.remaining !== null,
  );
  if (before?.remaining === undefined || before.remaining === null || before.remaining >= remaining)
    return null;
  return `The backlog grows: about ${remaining.toLocaleString('en-US')} expired rows are left, ${before.remaining.toLocaleString('en-US')} after the sweep of ${before.startedAt}. Raise the limit, or sweep more often.`;
}
