import type { Session, SessionTime } from '../sessions/session.ts';

/** The text for a time that cannot be read. */
export const UNREADABLE = 'unreadable';

/** A time of a session as it is stored, or computed from stored times. */
export type ShownTime = SessionTime | 'lastActiveAt';

export function isUnreadable({ unreadableTimes = [] }: Session, field: ShownTime): boolean {
  return field === 'lastActiveAt'
    ? unreadableTimes.includes('updatedAt') || unreadableTimes.includes('expiresAt')
    : unreadableTimes.includes(field);
}
