import type { Selection } from '../sessions/selection.ts';
import type { Session, SessionTime } from '../sessions/session.ts';
import { counted, inNumber } from './counted.ts';

/** The text for a time that cannot be read. */
export const UNREADABLE = 'unreadable';

/** A time of a session as it is stored, or computed from stored times. */
export type ShownTime = SessionTime | 'lastActiveAt';

export function isUnreadable({ unreadableTimes = [] }: Session, field: ShownTime): boolean {
  return field === 'lastActiveAt'
    ? unreadableTimes.includes('updatedAt') || unreadableTimes.includes('expiresAt')
    : unreadableTimes.includes(field);
}

/** `3 sessions have an address that cannot be read: …`, for lists, plans and errors. */
export function unclearAddressesText(sessions: number, { ips }: Pick<Selection, 'ips'>): string {
  const judged = ips.length > 0 ? 'no --ip matches' : '--except-ip keeps';
  return `${counted(sessions, 'session')} ${inNumber(sessions, 'has', 'have')} an address that cannot be read: ${judged} ${inNumber(sessions, 'it', 'them')}`;
}

/** How many keys in Redis look like sessions and cannot be read, and the consequence. */
export function unreadableText(unreadable: number): string {
  return `${counted(unreadable, 'key')} in Redis ${inNumber(unreadable, 'looks like a session and cannot be read: it is not counted or ended here, and may be valid', 'look like sessions and cannot be read: they are not counted or ended here, and may be valid')}`;
}
