/** Milliseconds that the last look of a long run may take at the most. */
const LONGEST_LOOK = 30_000;

/** When a run has to end. */
export interface Deadline {
  /** Given when no further batch may begin: a tenth of the time is left for looking again. */
  readonly timeIsUp: AbortSignal;
  /** Given with it where the first batch has not begun: then what is waited for is given up. */
  readonly givesUp: AbortSignal;
  /** From now on a batch may be under way, which is brought to its end. */
  readonly begins: () => void;
  /** Milliseconds until all of the time is over; Infinity without a bound. */
  readonly timeLeft: () => number;
  readonly clear: () => void;
}

/**
 * @param maxRuntime milliseconds for the whole run; null for any
 * @param begun the reading of `performance.now()` at its start
 */
export function startDeadline(maxRuntime: number | null, begun: number): Deadline {
  const timeIsUp = new AbortController();
  const givesUp = new AbortController();
  let hasBegun = false;
  const timer =
    maxRuntime === null
      ? undefined
      : setTimeout(
          () => {
            timeIsUp.abort('--max-runtime');
            if (!hasBegun) givesUp.abort('--max-runtime');
          },
          maxRuntime - Math.min(maxRuntime / 10, LONGEST_LOOK),
        );
  return {
    timeIsUp: timeIsUp.signal,
    givesUp: givesUp.signal,
    begins: () => {
      hasBegun = true;
    },
    timeLeft: () => (maxRuntime === null ? Infinity : Math.max(0, begun + maxRuntime - performance.now())),
    clear: () => {
      clearTimeout(timer);
    },
  };
}
