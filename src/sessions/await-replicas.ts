import { formatDuration } from './duration.ts';
import type { Replication } from './replication.ts';

export interface ReplicaPatience {
  /** Milliseconds that a replica may be behind. */
  readonly maxLag: number;
  /** Waits; ends early by the signal. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Called when there is something to wait for, and repeatedly while that lasts. */
  readonly remark: (text: string) => void;
  /** Milliseconds from any starting point; only for tests that cannot wait in real time. */
  readonly clock?: () => number;
}

/** Milliseconds for which a measurement is valid: batches take less, and replicas should not be asked too often. */
const MEMORY = 1000;
/** Milliseconds between two measurements: at first this many, doubled each time up to the second value. */
const FIRST_PAUSE = MEMORY + 50;
const LONGEST_PAUSE = 4000;
const BETWEEN_REMARKS = 60_000;

/**
 * Prepares to wait for replicas. The returned function waits until no replica is further behind than allowed, or until
 * the signal, and returns how many milliseconds that took. Call it before every batch: a measurement is remembered for
 * a second, so it usually returns at once.
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

/** A measurement that the signal interrupts fails, and that failure is ignored. */
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

/** Rounded up: a lag just above the limit must not look like the limit. */
function lengthOf(lag: number): string {
  const unit = lag < 120_000 ? 1000 : 60_000;
  return formatDuration(Math.ceil(lag / unit) * unit);
}
