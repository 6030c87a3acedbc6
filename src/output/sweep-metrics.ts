import type { ExitCode } from '../errors.ts';
import type { Target } from '../sessions/reading-store.ts';

/** What a run of `sweep` reports to monitoring. */
export interface SweepFigures {
  readonly target: Target;
  readonly exitCode: ExitCode;
  /** By the local clock, in milliseconds since 1970. */
  readonly finishedAt: number;
  readonly durationMs: number;
  readonly deleted: number;
  readonly verifications: number;
  /** Expired rows that are left, counted or estimated; null where the number is not known. */
  readonly remaining: number | null;
  /** Expired rows that were to be kept; null where they were not counted. */
  readonly kept: number | null;
  /** Sessions that were kept because their expiry is missing or cannot be read; null where they were not counted. */
  readonly unreadable: number | null;
  readonly batches: number;
  readonly longestBatchMs: number;
}

const LAST_SUCCESS = 'sessionctl_sweep_last_success_timestamp_seconds';

/**
 * The figures in Prometheus text format.
 * @param before the current content of the file: a run that fails keeps the time of the last success
 */
export function sweepMetrics(figures: SweepFigures, before: string): string {
  const { target, exitCode, finishedAt } = figures;
  const labels = `{profile="${escaped(target.profile ?? '')}",database="${escaped(target.database)}"}`;
  const success = exitCode === 0 ? finishedAt / 1000 : lastSuccess(before, labels);
  const gauges: readonly (readonly [name: string, help: string, value: number | null])[] = [
    ['sessionctl_sweep_last_run_timestamp_seconds', 'Time when the last sweep ended.', finishedAt / 1000],
    [LAST_SUCCESS, 'Time when the last successful sweep ended.', success],
    ['sessionctl_sweep_exit_code', 'Exit code of the last sweep: 0 is complete, 6 is incomplete.', exitCode],
    ['sessionctl_sweep_deleted_sessions', 'Expired sessions that the last sweep deleted.', figures.deleted],
    [
      'sessionctl_sweep_deleted_verifications',
      'Expired verification rows that the last sweep deleted.',
      figures.verifications,
    ],
    [
      'sessionctl_sweep_remaining_estimate',
      'Approximate number of expired rows that the last sweep left.',
      figures.remaining,
    ],
    [
      'sessionctl_sweep_kept_rows',
      'Expired rows that the last sweep kept, such as by --grace.',
      figures.kept,
    ],
    [
      'sessionctl_sweep_unreadable_sessions',
      'Sessions that the last sweep kept because their expiry is missing or cannot be read.',
      figures.unreadable,
    ],
    ['sessionctl_sweep_duration_seconds', 'Duration of the last sweep.', figures.durationMs / 1000],
    ['sessionctl_sweep_batches', 'Transactions in which the last sweep deleted rows.', figures.batches],
    [
      'sessionctl_sweep_longest_batch_seconds',
      'Longest transaction of the last sweep.',
      figures.longestBatchMs / 1000,
    ],
  ];
  return gauges
    .filter((gauge): gauge is readonly [string, string, number] => gauge[2] !== null)
    .map(
      ([name, help, value]) =>
        `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name}${labels} ${String(value)}\n`,
    )
    .join('');
}

/** Of the same database; the file may belong to another one. */
function lastSuccess(before: string, labels: string): number | null {
  const line = before.split('\n').find((each) => each.startsWith(`${LAST_SUCCESS}${labels} `));
  const value = Number(line?.slice(`${LAST_SUCCESS}${labels} `.length));
  return line === undefined || !Number.isFinite(value) ? null : value;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
