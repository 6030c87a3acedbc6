import type { SessionStore } from '../sessions/session-store.ts';

/** The e-mail addresses of users by their ids, as far as they are known. Meant for the few users of one screen. */
export async function emailsOf(
  ids: readonly (string | null)[],
  store: SessionStore,
): Promise<ReadonlyMap<string, string>> {
  const emails = new Map<string, string>();
  for (const id of new Set(ids)) {
    if (id === null) continue;
    const user = (await store.findUsers(id)).find((found) => found.id === id);
    if (user?.email !== null && user !== undefined) emails.set(id, user.email);
  }
  return emails;
}
