import type { Selection } from '../sessions/selection.ts';
import { counted, inNumber } from './counted.ts';

/** `3 sessions have an address that cannot be read: …`, for lists, plans and errors. */
export function unclearAddressesText(sessions: number, { ips }: Pick<Selection, 'ips'>): string {
  const judged = ips.length > 0 ? 'no --ip matches' : '--except-ip keeps';
  return `${counted(sessions, 'session')} ${inNumber(sessions, 'has', 'have')} an address that cannot be read: ${judged} ${inNumber(sessions, 'it', 'them')}`;
}
