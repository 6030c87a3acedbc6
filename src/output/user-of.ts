import type { Session } from '../sessions/session.ts';

/** The name of a session's user for a person: the address, else the name, else the id; empty where there is none. */
export function userOf({ userEmail, userName, userId }: Session): string {
  return [userEmail, userName].find((name) => name !== null && name.trim() !== '') ?? userId ?? '';
}
