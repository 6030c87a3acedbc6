import type { SessionRows } from './database/session-rows.ts';
import type { CachedSession } from './redis/cached-session.ts';
import type { SecondaryStorage } from './redis/secondary-storage.ts';

/**
 * The storage, with the ids of their rows for sessions whose values say none, as Better Auth 1.4 writes them: without it
 * their rows would pass for other sessions, and stay where these end.
 */
export function withRowIds(storage: SecondaryStorage, rows: Pick<SessionRows, 'idsOf'>): SecondaryStorage {
  const named = async (sessions: readonly CachedSession[]): Promise<readonly CachedSession[]> => {
    const nameless = sessions.flatMap((cached) => (cached.named ? [] : [cached.token]));
    if (nameless.length === 0) return sessions;
    const ids = await rows.idsOf(nameless);
    return sessions.map((cached) => {
      const id = ids.get(cached.token);
      return cached.named || id === undefined
        ? cached
        : { ...cached, named: true, session: { ...cached.session, id } };
    });
  };

  return {
    ...storage,
    async *scan(options) {
      for await (const page of storage.scan(options)) yield { ...page, sessions: await named(page.sessions) };
    },
    async *namedSessions(userIds) {
      for await (const sessions of storage.namedSessions(userIds)) yield await named(sessions);
    },
    read: async (tokens) => named(await storage.read(tokens)),
  };
}
