import { isSilence } from '../../refusals.ts';
import type { Hindrance } from '../dialects/dialect.ts';

/** Waits of 0.1 s at first, doubled up to 10 s, add up to about a minute: enough time for a server to restart. */
const BACK_OFF = { retries: 12, minTimeout: 100, maxTimeout: 10_000, factor: 2, randomize: true } as const;

export interface Persistence {
  /** Whether another try may help, and why. */
  readonly hindrance: (error: unknown) => Hindrance | undefined;
  /** @param attempts that have failed so far */
  readonly onRetry?: (hindrance: Hindrance, attempts: number) => void;
}

export interface Attempt<Result> {
  readonly result: Result;
  /** A connection broke in an earlier attempt: its work may have been done. */
  readonly uncertain: boolean;
}

/**
 * Repeats work that may run twice until it succeeds or fails for a lasting reason.
 * @throws the last error
 */
export async function persistently<Result>(
  work: () => Promise<Result>,
  persistence: Persistence,
): Promise<Attempt<Result>> {
  const attempt = await unlessStopped(work, { ...persistence, signal: NEVER });
  if (attempt === 'given up') throw new Error('given up without a signal');
  return attempt;
}

const NEVER = new AbortController().signal;

/**
 * Like `persistently`, but gives up between two attempts after the signal.
 * @throws the last error
 */
export async function unlessStopped<Result>(
  work: () => Promise<Result>,
  { signal, hindrance, onRetry }: Persistence & { readonly signal: AbortSignal },
): Promise<Attempt<Result> | 'given up'> {
  // Most runs only read, and never get here.
  const { default: pRetry } = await import('p-retry');
  let uncertain = false;
  let silences = 0;
  /** A server that does not answer twice is not waited for again: each time takes half a minute. */
  const isSilentAgain = (error: unknown) => {
    if (!isSilence(error)) return false;
    silences += 1;
    return silences > 1;
  };
  const results: Result[] = [];
  try {
    await pRetry(
      async () => {
        results.push(await work());
      },
      {
        ...BACK_OFF,
        signal,
        shouldRetry: ({ error }) => hindrance(error) !== undefined && !isSilentAgain(error),
        onFailedAttempt: ({ error, attemptNumber }) => {
          const reason = hindrance(error);
          if (reason === undefined) return;
          if (reason === 'lost') uncertain = true;
          onRetry?.(reason, attemptNumber);
        },
      },
    );
  } catch (error) {
    // After the signal the library also rejects an attempt that has just succeeded. Its work is done and must be
    // reported.
    if (results.length === 0) {
      if (signal.aborted && error === signal.reason) return 'given up';
      throw error;
    }
  }
  const [result] = results as [Result];
  return { result, uncertain };
}
