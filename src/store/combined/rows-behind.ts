import { everySession } from '../../sessions/selection.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import type { Session } from '../../sessions/session.ts';
import type { SessionRows } from '../database/read/session-rows.ts';
import type { RowsBehind } from '../redis/secondary-storage.ts';

/** Finds rows by the tokens of sessions in Redis. */
export function createRowsBehind(
  rows: Pick<SessionRows, 'idsOf'>,
  table: Pick<SessionStore, 'list'>,
): RowsBehind {
  return {
    idsOf: (tokens) => rows.idsOf(tokens),

    async sessionsOf(tokens) {
      const ids = await rows.idsOf(tokens);
      const tokenOf = new Map([...ids].map(([token, id]) => [id, token]));
      const found = new Map<string, Session>();
      if (tokenOf.size === 0) return found;
      const named = { ...everySession, sessionIds: [...tokenOf.keys()] };
      for await (const chunk of table.list(named, { sort: null }))
        for (const session of chunk) found.set(tokenOf.get(session.id) ?? '', session);
      return found;
    },
  };
}
