import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, half a minute at most, until something is so. @param what is named where it never comes to be so */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within half a minute: ${what}`);
    await sleep(20);
  }
}
