import { setTimeout as wait } from 'node:timers/promises';
import type { Patience } from './schema-dialect.ts';

const INTERVAL = 200;

/**
 * Tries to take a lock until it succeeds. It polls instead of waiting inside the database: such a wait would be a
 * transaction, and the building of an index waits for transactions.
 * @param attempt returns null once it holds the lock, otherwise the holder
 * @throws the signal's reason
 */
export async function awaitLock(
  attempt: () => Promise<string | null>,
  { remark, signal }: Patience,
): Promise<void> {
  let isSaid = false;
  for (;;) {
    const holder = await attempt();
    if (holder === null) return;
    if (!isSaid) await remark(holder);
    isSaid = true;
    await wait(INTERVAL, undefined, { signal });
  }
}
