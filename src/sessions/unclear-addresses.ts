import type { Selection } from './selection.ts';
import type { SessionStore } from './session-store.ts';

/** How many sessions `--ip` and `--except-ip` leave alone since their address cannot be read. They may be meant. */
export async function countUnclearAddresses(store: SessionStore, selection: Selection): Promise<number> {
  if (selection.ips.length === 0 && selection.exceptIps.length === 0) return 0;
  const unclear = { ...selection, unclearAddress: true };
  return (await store.lookAgain(unclear, 0)).sessions;
}
