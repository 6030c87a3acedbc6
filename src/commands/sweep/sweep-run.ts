import type { SweepReport } from '../../output/sweep-report.ts';
import type { Instant } from '../../sessions/instant.ts';
import type { Sweep } from '../../sessions/sweep.ts';
import type { RecordedStore } from '../../history/shared-history.ts';
import type { ReplicatedStore, Replication } from '../../sessions/replication.ts';
import type { LockableStore } from '../../sessions/run-lock.ts';
import type { Deadline } from './sweep-deadline.ts';

export type SweptStore = RecordedStore & LockableStore & ReplicatedStore;

/** What a run of `sweep` knows before it starts. */
export interface SweepRun {
  readonly json: boolean;
  readonly runId: string;
  readonly startedAt: Instant;
  readonly expiredAt: Instant;
  readonly keptUntil: Instant | null;
  readonly deadline: Deadline;
  readonly report: (done: Sweep) => SweepReport;
  readonly tell: (report: SweepReport) => void;
  /** Null where replicas are not checked. */
  readonly replication: Replication | null;
}
