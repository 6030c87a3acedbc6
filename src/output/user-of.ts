import type { Session, User } from '../sessions/session.ts';

/** The name of a session's user for a person: the address, else the name, else the id; empty where there is none. */
export function userOf({ userEmail, userName, userId }: Session): string {
  return [userEmail, userName].find((name) => name !== null && name.trim() !== '') ?? userId ?? '';
}

/** `Ada Lovelace <ada@example.com>`; null where neither is known. */
export function fullNameOf({ email, name }: Omit<User, 'id'>): string | null {
  if (email === null) return name;
  return name === null || name === '' ? email : `${name} <${email}>`;
}

/** `Ada Lovelace <ada@example.com> (id)`. */
export function nameWithId(user: User): string {
  const name = fullNameOf(user);
  return name === null ? user.id : `${name} (${user.id})`;
}
