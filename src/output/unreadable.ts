import type { Session, SessionTime } from '../sessions/session.ts';

/** What stands for a time that cannot be read. */
export const UNREADABLE = 'unreadable';

export function isUnreadable({ unreadableTimes }: Session, field: SessionTime): boolean {
  return unreadableTimes?.includes(field) === true;
}
