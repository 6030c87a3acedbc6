/** Milliseconds that a long run keeps at most for its last check. */
const LONGEST_LOOK = 30_000;

/** When a run has to end. */
export interface Deadline {
  /** Aborted when no further batch may start: a tenth of the time is left for checking again. */
  readonly timeIsUp: AbortSignal;
  /** Aborted with it where the work has not started: the run then stops waiting. */
  readonly givesUp: AbortSignal;
  /**
   * From now on a batch may be running, and is finished.
   * @throws an error without meaning of its own where time is up
   */
  readonly begins: () => void;
  /** Milliseconds until the whole time is over; Infinity without a bound. */
  readonly timeLeft: () => number;
  readonly clear: () => void;
}

/**
 * @param maxRuntime milliseconds for the whole run; null for no bound
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
            timeIsUp.abort();
            if (!hasBegun) givesUp.abort();
          },
          maxRuntime - Math.min(maxRuntime / 10, LONGEST_LOOK),
        );
  return {
    timeIsUp: timeIsUp.signal,
    givesUp: givesUp.signal,
    begins: () => {
      givesUp.signal.throwIfAborted();
      hasBegun = true;
    },
    timeLeft: () => (maxRuntime === null ? Infinity : Math.max(0, begun + maxRuntime - performance.now())),
    clear: () => {
      clearTimeout(timer);
    },
  };
}

/** Milliseconds for abandoned work to release its lock and its connection. */
const LETTING_GO = 1000;

/** Waits for work that stops by the deadline, and abandons it where a query keeps it from stopping. */
export function withinTime<Result>({ givesUp }: Deadline, work: Promise<Result>): Promise<Result> {
  const leftBehind = new Promise<never>((_resolve, reject) => {
    const leave = () => {
      reject(new Error('left behind'));
    };
    givesUp.addEventListener('abort', () => setTimeout(leave, LETTING_GO).unref(), { once: true });
  });
  return Promise.race([work, leftBehind]);
}
