import { setTimeout as wait } from 'node:timers/promises';
import type { Patience } from './schema-dialect.ts';

const INTERVAL = 200;

/**
 * Tries for a lock until it is had. Asking again and again, not waiting inside of the database: there, the wait itself
 * would be a transaction, which the building of an index waits for.
 * @param attempt answers with null once it has the lock, otherwise with who has it
 * @throws where the signal comes
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
