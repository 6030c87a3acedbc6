import type { Context } from '../../context.ts';
import { jsonLine } from '../../output/json-text.ts';
import type { SweepReport } from '../../output/sweep-report.ts';
import { OutputClosedError } from '../../output/writer.ts';
import { millisecondsOf, type Instant } from '../../sessions/instant.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import type { Sweep } from '../../sessions/sweep.ts';
import type { SweepRequest } from './sweep-options.ts';

/** What is known of a run of `sweep` before it starts. */
interface Begun {
  readonly runId: string;
  readonly startedAt: Instant;
  /** Rows that have expired by then are deleted. */
  readonly expiredAt: Instant;
  /** Expired rows that are kept because Redis holds their sessions. */
  readonly heldInRedis: number;
}

/** The report of what a sweep did, or would do in a dry run. */
export function sweepReport(
  store: SessionStore,
  request: SweepRequest,
  { runId, startedAt, expiredAt, heldInRedis }: Begun,
  done: Sweep,
): SweepReport {
  return {
    command: 'sweep',
    runId,
    dryRun: request.dryRun,
    target: store.target,
    deleted: done.deleted,
    users: null,
    remaining: done.remaining?.rows ?? null,
    unreadable: done.remaining?.unreadable ?? null,
    notFound: [],
    secondary:
      done.secondary === null
        ? null
        : {
            deleted: done.secondary.expired + done.secondary.orphans,
            remaining: done.secondaryRemaining,
            kept: heldInRedis,
            ...done.secondary,
          },
    oauthTokens: store.bindsTokens ? { revoked: done.oauthTokens, offlineLeft: null } : null,
    batches: done.batches,
    startedAt,
    finishedAt: done.finishedAt,
    durationMs: millisecondsOf(done.finishedAt) - millisecondsOf(startedAt),
    stoppedBecause: done.stoppedBecause,
    effectiveAt: null,
    expiredBy: expiredAt,
    graceMs: request.grace ?? 0,
    verifications: done.verifications,
    remainingVerifications: done.remaining?.verifications ?? null,
    kept: done.kept,
    longestBatchMs: done.longestBatch,
    way: done.way,
    uncertain: done.uncertain,
  };
}

/**
 * Prints the report. Where the reader of stdout is gone, stderr says it.
 * @throws FailedError where stdout cannot be written
 */
export async function printSweep(context: Context, report: SweepReport, json: boolean): Promise<void> {
  const { sweepLine } = await import('../../output/sweep-report.ts');
  const { stdout, stderr } = context;
  try {
    await context.print(json ? jsonLine(report) : sweepLine(report, stdout.styles, stdout.terminal));
  } catch (error) {
    if (!(error instanceof OutputClosedError)) throw error;
    if (context.flags.quiet !== true) await context.show(sweepLine(report, stderr.styles, stderr.terminal));
  }
}
