import type { Context } from '../../context.ts';
import { SessionctlError } from '../../errors.ts';
import type { Instant } from '../../sessions/instant.ts';
import { addSwept, expiredBy, nothingSwept } from '../../sessions/sweep.ts';
import type { SweptSecondary } from '../../sessions/sweeping-store.ts';
import type { SweepRequest } from './sweep-options.ts';
import type { Deadline } from './sweep-deadline.ts';
import type { SweepRun, SweptStore } from './sweep-run.ts';

/** What a sweep would do in secondary storage; null where there is none. */
export async function lookIntoSecondary(
  context: Context,
  { secondary }: SweptStore,
  expiredAt: Instant,
  { givesUp }: Deadline,
): Promise<SweptSecondary | null> {
  if (secondary === null) return null;
  let sum = nothingSwept;
  const stop = AbortSignal.any([context.system.signal, givesUp]);
  const options = {
    dryRun: true,
    stop,
    before: () => Promise.resolve(),
    remark: (text: string) => void context.warn(text),
  };
  for await (const step of secondary.sweep(expiredAt, options)) sum = addSwept(sum, step);
  // An incomplete result would look like all of it.
  stop.throwIfAborted();
  return sum;
}

/** Whether there is anything to delete; true where that cannot be known in time. */
export async function hasExpired(
  context: Context,
  store: SweptStore,
  { expiredAt, deadline }: Pick<SweepRun, 'expiredAt' | 'deadline'>,
  { verifications }: SweepRequest,
): Promise<boolean> {
  try {
    if ((await store.pick(expiredBy(expiredAt), 1)).length > 0) return true;
    if (verifications && ((await store.verifications?.count(expiredAt)) ?? 0) > 0) return true;
    const secondary = await lookIntoSecondary(context, store, expiredAt, deadline);
    return secondary !== null && secondary.expired + secondary.orphans > 0;
  } catch (error) {
    if (error instanceof SessionctlError) return true;
    throw error;
  }
}
