import { grouped } from '../grouped.ts';
import { formatDuration } from '../sessions/duration.ts';
import { millisecondsOf, type Instant } from '../sessions/instant.ts';
import type { SweptSecondary } from '../sessions/sweeping-store.ts';
import type { Target } from '../sessions/reading-store.ts';
import type { Sweep } from '../sessions/sweep.ts';
import { counted } from './counted.ts';
import { screenLines } from './fit-text.ts';
import { placeName } from './revocation-plan.ts';
import type { Styles, Terminal } from './styles.ts';

/** The report of the command-line contract: its fields in its order, then further ones. */
export interface SweepReport {
  readonly command: 'sweep';
  readonly runId: string;
  readonly dryRun: boolean;
  readonly target: Target;
  /** Sessions. */
  readonly deleted: number;
  /** The users are not counted. */
  readonly users: null;
  /**
   * Expired rows that are still there, or would be deleted in a dry run, `verification` rows included; null where the
   * number is not known.
   */
  readonly remaining: number | null;
  /** Sessions whose expiry is missing or cannot be read: they are kept. Null where they were not counted. */
  readonly unreadable: number | null;
  readonly notFound: readonly string[];
  /** What was done in Redis, or would be; null where there is none. */
  readonly secondary:
    | (SweptSecondary & {
        readonly deleted: number;
        readonly remaining: number | null;
        /** Expired rows that are kept because their sessions are alive there. */
        readonly kept: number;
      })
    | null;
  /** Tokens that were bound to deleted sessions; null where the deployment has none. */
  readonly oauthTokens: { readonly revoked: number; readonly offlineLeft: null } | null;
  readonly batches: number;
  readonly startedAt: Instant;
  readonly finishedAt: Instant;
  readonly durationMs: number;
  readonly stoppedBecause: Sweep['stoppedBecause'];
  /** Expired sessions let no user in at any time. */
  readonly effectiveAt: null;
  /** Rows that had expired by then were to be deleted. */
  readonly expiredBy: Instant;
  readonly graceMs: number;
  /** Deleted `verification` rows; null where they were not asked for. */
  readonly verifications: number | null;
  /** The `verification` rows of `remaining`; null where they were not asked for, or the number is not known. */
  readonly remainingVerifications: number | null;
  /** Expired rows that were to be kept because they expired too recently. Null where they were not counted. */
  readonly kept: number | null;
  readonly longestBatchMs: number;
  /** `walk` through the whole table, by the `index` on the expiry, or `offline`. */
  readonly way: Sweep['way'];
  /** An answer of a server did not arrive: more may be gone than `deleted` counts. */
  readonly uncertain: boolean;
}

/**
 * The report as one line, which begins with why the sweep stopped.
 * @param terminal where it is shown, and broken at spaces; without one it stays one line
 */
export function sweepLine(report: SweepReport, styles: Styles, terminal: Terminal | null = null): string {
  const { text, style } = sentenceOf(report, styles);
  const [first = '', ...others] = screenLines(text, terminal);
  const [why = ''] = first.split(':', 1);
  return `${[style(why) + first.slice(why.length), ...others].join('\n')}\n`;
}

function sentenceOf(
  report: SweepReport,
  styles: Styles,
): { readonly text: string; readonly style: (why: string) => string } {
  const { deleted, verifications, batches, longestBatchMs, durationMs, stoppedBecause, uncertain } = report;
  if (report.dryRun) {
    const { remaining, remainingVerifications } = report;
    const count = remaining === null ? 'an unknown number of rows' : counted(remaining, 'row');
    const others =
      remainingVerifications === null
        ? ''
        : ` (${counted(remainingVerifications, 'verification')} among them)`;
    const parts = [
      `${count}${others} that had expired by ${report.expiredBy} would be deleted from ${placeName(report.target)}`,
      secondaryPart(report),
      keptPart(report),
      unreadablePart(report),
    ];
    return {
      text: `dry run: ${parts.filter((part) => part !== null).join('; ')}`,
      style: (why) => why,
    };
  }
  const parts = [
    `${uncertain ? 'at least ' : ''}${counted(deleted, 'expired session')} deleted`,
    verifications === null ? null : `${counted(verifications, 'verification')} deleted`,
    secondaryPart(report),
    left(report),
    keptPart(report),
    unreadablePart(report),
    `${seconds(durationMs)} s`,
    batches === 0
      ? null
      : `${counted(batches, 'batch', 'batches')}, the longest ${grouped(longestBatchMs)} ms`,
  ];
  return {
    text: `${stoppedBecause}: ${parts.filter((part) => part !== null).join(', ')} (${placeName(report.target)})`,
    style: stoppedBecause === 'complete' ? styles.green : styles.yellow,
  };
}

/** Stale entries that were found in Redis, if any. */
function secondaryPart({ secondary }: SweepReport): string | null {
  if (secondary === null) return null;
  const { expired, orphans, indexEntries, immortalIndexes } = secondary;
  const found = [
    expired > 0 && counted(expired, 'expired session'),
    orphans > 0 && counted(orphans, 'session of users who are gone', 'sessions of users who are gone'),
    indexEntries > 0 && counted(indexEntries, 'stale entry of an index', 'stale entries of indexes'),
    immortalIndexes > 0 && counted(immortalIndexes, 'index without a lifetime', 'indexes without a lifetime'),
  ].filter((part) => part !== false);
  return found.length === 0 ? 'nothing stale in Redis' : `in Redis ${found.join(', ')}`;
}

function unreadablePart({ unreadable }: SweepReport): string | null {
  return unreadable === null || unreadable === 0
    ? null
    : `${grouped(unreadable)} kept whose expiry is missing or cannot be read`;
}

function left({ remaining }: SweepReport): string {
  return remaining === null ? 'what is left was not counted' : `${grouped(remaining)} left`;
}

/** Expired rows that stay on purpose. */
function keptPart({ kept, startedAt, expiredBy }: SweepReport): string | null {
  if (kept === null || expiredBy === startedAt) return null;
  const length = formatDuration(millisecondsOf(startedAt) - millisecondsOf(expiredBy));
  return `${grouped(kept)} kept (expired less than ${length} ago)`;
}

function seconds(milliseconds: number): string {
  return grouped(Math.round(milliseconds / 100) / 10);
}
