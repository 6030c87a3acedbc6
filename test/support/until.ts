import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, two minutes at most, until something is so. @param what is named where it never comes to be so */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 120_000;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within two minutes: ${what}`);
    await sleep(20);
  }
}
