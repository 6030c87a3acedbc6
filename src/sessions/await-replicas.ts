import { formatDuration } from './duration.ts';
import type { Replication } from './replication.ts';

export interface ReplicaPatience {
  /** Milliseconds that a replica may be behind. */
  readonly maxLag: number;
  /** Waits; ends early by the signal. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Told when there is something to wait for, and now and then while that lasts. */
  readonly remark: (text: string) => void;
  /** Milliseconds from whenever; only for whoever cannot wait for the real ones. */
  readonly clock?: () => number;
}

/** What was measured holds for so long: batches take less, and replicas are not to be kept busy with questions. */
const MEMORY = 1000;
/** Milliseconds between two questions: so many at first, doubled each time, and no more than the second. */
const FIRST_PAUSE = MEMORY + 50;
const LONGEST_PAUSE = 4000;
const BETWEEN_REMARKS = 60_000;

/**
 * Prepares to wait for replicas. What it answers with waits until none is further behind than it may be, or until the
 * signal comes, and says how many milliseconds that took. To be called before every batch: what was measured is
 * remembered for a second, so that it mostly answers at once.
 */
export function awaitReplicas(replication: Replication, patience: ReplicaPatience): () => Promise<number> {
  const { maxLag, pause, signal, remark, clock = () => performance.now() } = patience;
  let last: { readonly lag: number | null; readonly at: number } | null = null;

  const measure = async () => {
    const at = clock();
    if (last !== null && at - last.at < MEMORY) return last.lag;
    const lag = await replication.lag();
    last = { lag, at: clock() };
    return lag;
  };

  return async () => {
    const begun = clock();
    let told = -Infinity;
    for (let attempts = 0; !signal.aborted; attempts += 1) {
      const lag = await measureUnless(signal, measure);
      if (lag === null || lag <= maxLag) break;
      if (clock() - told >= BETWEEN_REMARKS) {
        remark(
          `a replica is ${lengthOf(lag)} behind; waiting until it is at most ${formatDuration(maxLag)} behind`,
        );
        told = clock();
      }
      await pause(Math.min(FIRST_PAUSE * 2 ** attempts, LONGEST_PAUSE));
    }
    return clock() - begun;
  };
}

/** A question that the signal interrupts fails, and its failure means nothing then. */
async function measureUnless(
  signal: AbortSignal,
  measure: () => Promise<number | null>,
): Promise<number | null> {
  try {
    return await measure();
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/** Never less than it is: a lag just above what is allowed must not read as what is allowed. */
function lengthOf(lag: number): string {
  const unit = lag < 120_000 ? 1000 : 60_000;
  return formatDuration(Math.ceil(lag / unit) * unit);
}
