import type { Selection } from './selection.ts';
import type { SessionStore } from './session-store.ts';

/**
 * The number of sessions that `--ip` and `--except-ip` leave alone since their address is unreadable. They may be
 * meant.
 */
export async function countUnclearAddresses(store: SessionStore, selection: Selection): Promise<number> {
  if (selection.ips.length === 0 && selection.exceptIps.length === 0) return 0;
  const unclear = { ...selection, unclearAddress: true };
  return (await store.lookAgain(unclear, 0)).sessions;
}
