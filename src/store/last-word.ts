import { UnansweredError } from '../sessions/unanswered.ts';

/** Milliseconds after the run's signal in which stores may still answer. The process has to end within two seconds. */
const LAST_WORD = 1500;

const known = new WeakMap<AbortSignal, AbortSignal>();

/** A signal that is aborted, with an UnansweredError as its reason, some time after the run's. */
export function lastWord(signal: AbortSignal): AbortSignal {
  const before = known.get(signal);
  if (before !== undefined) return before;
  const over = new AbortController();
  known.set(signal, over.signal);
  const wait = () => {
    setTimeout(() => {
      over.abort(new UnansweredError());
    }, LAST_WORD);
  };
  if (signal.aborted) wait();
  else signal.addEventListener('abort', wait, { once: true });
  return over.signal;
}
