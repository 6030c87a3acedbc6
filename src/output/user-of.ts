import type { Session } from '../sessions/session.ts';

/** What a person calls the user of a session: the address, else the name, else the id; empty where there is none. */
export function userOf({ userEmail, userName, userId }: Session): string {
  return [userEmail, userName].find((name) => name !== null && name.trim() !== '') ?? userId ?? '';
}
