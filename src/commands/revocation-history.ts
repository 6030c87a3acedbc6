import type { Context } from '../context.ts';
import { SessionctlError } from '../errors.ts';
import type { HistoryEntry, HistoryOutcome } from '../history/history-record.ts';
import type { RecordedStore } from '../history/shared-history.ts';
import type { Revocation, RevocationPlan } from '../sessions/revocation.ts';
import type { RevocationRequest, Run } from './revocation-run.ts';

/** What a record says of the run that it belongs to. */
export interface Recorded {
  readonly runId: string;
  readonly request: Pick<RevocationRequest, 'recorded' | 'reason'> & { readonly command: string };
  /** Null before there is one, and where nothing is counted beforehand. */
  readonly plan: RevocationPlan | null;
}

/** Where a run works, and what keeps its record there. */
export type RecordedPlace = Pick<RecordedStore, 'target' | 'history'>;

/** Records something of a run, in the operator's own history and in that of the database. @throws FailedError, ConnectionError */
export async function record(
  context: Context,
  store: RecordedPlace,
  { runId, request, plan }: Recorded,
  what: Pick<HistoryEntry, 'event'> & Partial<HistoryEntry>,
): Promise<void> {
  const history = await context.history();
  const sealed = await history.append({
    runId,
    command: request.command,
    target: store.target,
    selection: request.recorded,
    reason: request.reason,
    matched: plan?.survey.sessions ?? null,
    users: plan?.survey.users ?? null,
    revoked: null,
    remaining: null,
    outcome: null,
    detail: null,
    ...what,
  });
  await store.history?.append(sealed);
}

/** @throws FailedError where the record cannot be written: nothing is ended without one */
export async function recordStart(context: Context, store: RecordedPlace, run: Recorded): Promise<void> {
  try {
    await record(context, store, run, { event: 'started' });
  } catch (error) {
    if (error instanceof SessionctlError) throw error.withContext('nothing was changed', undefined);
    throw error;
  }
}

/** @returns what kept the record from being written, or null */
export async function recordEnd(
  context: Context,
  store: RecordedStore,
  run: Run,
  done: Revocation,
): Promise<unknown> {
  const { matched, revoked, remaining, failure: cause } = done;
  const detail = cause instanceof Error ? context.redactor.redact(cause.message) : null;
  try {
    await record(context, store, run, {
      event: 'finished',
      matched,
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
