import type { Hindrance } from './dialects/dialect.ts';

/** Milliseconds that a server which does not answer is waited for altogether: time enough for it to restart. */
const PATIENCE = 60_000;

/** How long a server has not answered, for all that waits for it: who gave up once does not begin to wait again. */
export interface Outage {
  /** As the dialect's, except that a connection which has been lost for too long is none that may come back. */
  readonly hindrance: (error: unknown) => Hindrance | undefined;
  /** The server did answer. */
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
