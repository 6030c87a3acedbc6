import type { Context } from '../../context.ts';
import { FailedError, SessionctlError } from '../../errors.ts';
import type { HistoryEntry, HistoryOutcome } from '../../history/history-record.ts';
import type { RecordedStore } from '../../history/shared-history.ts';
import type { Revocation } from '../../sessions/revocation.ts';
import { UnansweredError } from '../../sessions/unanswered.ts';
import type { RevocationPlan } from '../../sessions/revocation-plan.ts';
import type { RevocationRequest, Run } from './revocation-run.ts';

/** The run that a record belongs to. */
export interface Recorded {
  readonly runId: string;
  readonly request: Pick<RevocationRequest, 'recorded' | 'reason'> & { readonly command: string };
  /** Null before there is a plan, and where nothing is counted first. */
  readonly plan: RevocationPlan | null;
}

/** Where a run works, and what keeps its record there. */
export type RecordedPlace = Pick<RecordedStore, 'target' | 'history'>;

/**
 * Records an event of a run in the operator's own history and in that of the database.
 * @throws FailedError, ConnectionError
 */
export async function record(
  context: Context,
  store: RecordedPlace,
  run: Recorded,
  what: Pick<HistoryEntry, 'event'> & Partial<HistoryEntry>,
): Promise<void> {
  const history = await context.history();
  const sealed = await history.append(entryOf(store, run, what));
  try {
    await store.history?.append(sealed);
  } catch (error) {
    if (error instanceof UnansweredError)
      throw new FailedError(
        `${history.path} has the record, and the database's own history may not: ${error.message}`,
        { cause: error },
      );
    if (!(error instanceof SessionctlError)) throw error;
    throw error.withContext(
      `${history.path} has the record, and the database's own history does not`,
      undefined,
    );
  }
}

/** As `record`, but a record that cannot be written is a warning: the outcome is what the operator has to see. */
export async function recordIfPossible(...given: Parameters<typeof record>): Promise<void> {
  const [context] = given;
  try {
    await record(...given);
  } catch (error) {
    if (!(error instanceof SessionctlError)) throw error;
    await context.warn(error.message);
  }
}

function entryOf(
  { target }: RecordedPlace,
  { runId, request, plan }: Recorded,
  what: Pick<HistoryEntry, 'event'> & Partial<HistoryEntry>,
): HistoryEntry {
  return {
    runId,
    command: request.command,
    target,
    selection: request.recorded,
    reason: request.reason,
    matched: plan?.survey.sessions ?? null,
    users: plan?.survey.users ?? null,
    revoked: null,
    remaining: null,
    outcome: null,
    detail: null,
    ...what,
  };
}

/** @throws FailedError, ConnectionError where the record cannot be written: nothing is ended without one */
export async function recordStart(context: Context, store: RecordedPlace, run: Recorded): Promise<void> {
  try {
    await record(context, store, run, { event: 'started' });
  } catch (error) {
    if (!(error instanceof SessionctlError)) throw error;
    // The operator's own history may have the record by now, and would show a run without an end.
    const detail = context.redactor.redact(error.message);
    await (
      await context.history()
    )
      .append(entryOf(store, run, { event: 'refused', detail }))
      .catch(() => undefined);
    throw error.withContext('nothing was changed', undefined);
  }
}

/** @returns the error that kept the record from being written, or null */
export async function recordEnd(
  context: Context,
  store: RecordedStore,
  run: Run,
  done: Revocation,
): Promise<unknown> {
  const { matched, revoked, remaining } = done;
  const cause = done.failure ?? done.unseen;
  const detail = cause instanceof Error ? context.redactor.redact(cause.message) : null;
  try {
    await record(context, store, run, {
      event: 'finished',
      matched,
      users: done.met.users,
      revoked,
      remaining,
      outcome: outcomeOf(done),
      detail,
      ...(run.plan.survey.oauthTokens === null ? {} : { oauthTokens: done.oauthTokens }),
    });
    return null;
  } catch (error) {
    if (error instanceof Error) await context.warn(error.message);
    return error;
  }
}

function outcomeOf({ stoppedBecause, remaining }: Revocation): HistoryOutcome {
  if (stoppedBecause === 'failed') return 'failed';
  if (stoppedBecause !== 'complete') return 'partial';
  return remaining === 0 ? 'complete' : 'survivors';
}
