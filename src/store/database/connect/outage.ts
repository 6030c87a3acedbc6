import type { Hindrance } from '../dialects/dialect.ts';

/** Milliseconds to wait in total for a server that does not answer: enough time for it to restart. */
const PATIENCE = 60_000;

/**
 * Tracks how long a server has not answered, for all operations together: after one has given up, none begins to wait
 * again.
 */
export interface Outage {
  /** Like the dialect's, except that a connection that has been lost for too long no longer counts as retryable. */
  readonly hindrance: (error: unknown) => Hindrance | undefined;
  /** Call it when the server has answered. */
  readonly end: () => void;
}

/** @param patience in milliseconds */
export function watchOutage(hindrance: Outage['hindrance'], patience = PATIENCE): Outage {
  let since: number | null = null;
  return {
    hindrance: (error) => {
      const found = hindrance(error);
      if (found !== 'lost') return found;
      since ??= performance.now();
      return performance.now() - since < patience ? found : undefined;
    },
    end: () => {
      since = null;
    },
  };
}
