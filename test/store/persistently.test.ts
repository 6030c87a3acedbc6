import { expect, onTestFinished, test, vi } from 'vitest';
import type { Hindrance } from '../../src/store/database/dialects/dialect.ts';
import { persistently, unlessStopped } from '../../src/store/database/connect/persistently.ts';

class Hindered extends Error {
  readonly hindrance: Hindrance;
  constructor(hindrance: Hindrance) {
    super(hindrance);
    this.hindrance = hindrance;
  }
}

function persistence(signal: AbortSignal = new AbortController().signal) {
  const retries: string[] = [];
  return {
    retries,
    options: {
      signal,
      hindrance: (error: unknown) => (error instanceof Hindered ? error.hindrance : undefined),
      onRetry: (hindrance: Hindrance, attempts: number) => {
        retries.push(`${hindrance} ${String(attempts)}`);
      },
    },
  };
}

/** Fails with each of the errors in turn, then succeeds. */
function failingWith(...errors: readonly Error[]): () => Promise<string> {
  const left = [...errors];
  return () => {
    const error = left.shift();
    return error === undefined ? Promise.resolve('done') : Promise.reject(error);
  };
}

test('what succeeds at once is certain', async () => {
  const { retries, options } = persistence();
  expect(await persistently(failingWith(), options)).toEqual({ result: 'done', uncertain: false });
  expect(retries).toEqual([]);
});

test('a lock is waited out, and the outcome is certain', async () => {
  const { retries, options } = persistence();
  const work = failingWith(new Hindered('busy'), new Hindered('slow'));
  expect(await persistently(work, options)).toEqual({ result: 'done', uncertain: false });
  expect(retries).toEqual(['busy 1', 'slow 2']);
});

test('after a lost connection nobody knows what the attempt before has done', async () => {
  const { options } = persistence();
  expect(await persistently(failingWith(new Hindered('lost')), options)).toEqual({
    result: 'done',
    uncertain: true,
  });
});

test('anything else is thrown as it is, without a second attempt', async () => {
  const { retries, options } = persistence();
  const defect = new Error('relation does not exist');
  await expect(persistently(failingWith(defect), options)).rejects.toBe(defect);
  expect(retries).toEqual([]);
});

test('a signal between two attempts ends the waiting at once', async () => {
  const stop = new AbortController();
  const { options } = persistence(stop.signal);
  // No timer of the waiting ever comes to its end.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const waiting = unlessStopped(() => Promise.reject(new Hindered('busy')), options);
  while (vi.getTimerCount() === 0) await new Promise(setImmediate);
  stop.abort('SIGINT');
  expect(await waiting).toBe('given up');
});

test('what succeeds while the signal comes is not lost', async () => {
  const stop = new AbortController();
  const { options } = persistence(stop.signal);
  const work = () => {
    stop.abort('SIGTERM');
    return Promise.resolve('committed');
  };
  expect(await unlessStopped(work, options)).toEqual({ result: 'committed', uncertain: false });
});
