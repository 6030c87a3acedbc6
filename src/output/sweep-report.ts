import type { Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/session-store.ts';
import type { Sweep } from '../sessions/sweep.ts';
import { counted } from './counted.ts';
import { jsonText } from './json-text.ts';
import { placeName } from './revocation-plan.ts';
import type { Styles } from './styles.ts';

/** The report of the command-line contract: its fields, in its order, then what it leaves open. */
export interface SweepReport {
  readonly command: 'sweep';
  readonly runId: string;
  readonly dryRun: boolean;
  readonly target: Target;
  /** Sessions. */
  readonly deleted: number;
  /** Whose they were is not counted. */
  readonly users: null;
  /** Expired rows that are still there, or would be deleted in a dry run; null where nobody knows. */
  readonly remaining: number | null;
  readonly notFound: readonly string[];
  readonly secondary: null;
  /** Tokens that were bound to deleted sessions; null where the deployment has none. */
  readonly oauthTokens: { readonly revoked: number; readonly offlineLeft: null } | null;
  readonly batches: number;
  readonly startedAt: Instant;
  readonly finishedAt: Instant;
  readonly durationMs: number;
  readonly stoppedBecause: Sweep['stoppedBecause'];
  /** What has expired lets nobody in at any time. */
  readonly effectiveAt: null;
  /** What had expired by then was to be deleted. */
  readonly expiredBy: Instant;
  readonly graceMs: number;
  /** Deleted `verification` rows; null where they were not asked for. */
  readonly verifications: number | null;
  /** `remaining` was not counted, but inferred from what the sweep has met. */
  readonly isEstimate: boolean;
  readonly longestBatchMs: number;
  /** `walk` through the whole table, by the `index` on the expiry, or `offline`. */
  readonly way: Sweep['way'];
  /** A connection broke while an answer was on its way: more may be gone than `deleted` counts. */
  readonly uncertain: boolean;
}

/** The report as one JSON object on one line. */
export function sweepJson(report: SweepReport): string {
  return `${jsonText(report)}\n`;
}

/** The report as one line, which begins with why the sweep stopped. */
export function sweepLine(report: SweepReport, styles: Styles): string {
  const { deleted, verifications, batches, longestBatchMs, durationMs, stoppedBecause, uncertain } = report;
  if (report.dryRun) {
    const count = report.remaining === null ? 'an unknown number of rows' : counted(report.remaining, 'row');
    return `dry run: ${count} that had expired by ${report.expiredBy} would be deleted from ${placeName(report.target)}\n`;
  }
  const parts = [
    `${uncertain ? 'at least ' : ''}${counted(deleted, 'expired session')} deleted`,
    verifications === null ? null : `${counted(verifications, 'verification')} deleted`,
    left(report),
    `${seconds(durationMs)} s`,
    batches === 0
      ? null
      : `${counted(batches, 'batch', 'batches')}, the longest ${longestBatchMs.toLocaleString('en-US')} ms`,
  ];
  const style = stoppedBecause === 'complete' ? styles.green : styles.yellow;
  return `${style(stoppedBecause)}: ${parts.filter((part) => part !== null).join(', ')} (${placeName(report.target)})\n`;
}

function left({ remaining, isEstimate }: SweepReport): string | null {
  if (remaining === null) return 'what is left was not counted';
  return `${isEstimate ? 'about ' : ''}${remaining.toLocaleString('en-US')} left`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toLocaleString('en-US', { maximumFractionDigits: 1 });
}
