import type { Session, SessionTime } from '../sessions/session.ts';

/** What stands for a time that cannot be read. */
export const UNREADABLE = 'unreadable';

/** A time of a session as it is stored, or read from those. */
export type ShownTime = SessionTime | 'lastActiveAt';

export function isUnreadable({ unreadableTimes = [] }: Session, field: ShownTime): boolean {
  return field === 'lastActiveAt'
    ? unreadableTimes.includes('updatedAt') || unreadableTimes.includes('expiresAt')
    : unreadableTimes.includes(field);
}
