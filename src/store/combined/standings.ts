import { everySession } from '../../sessions/selection.ts';
import type { Session } from '../../sessions/session.ts';
import type { CachedCopy, Standing, Standings } from '../../sessions/standing.ts';
import type { Directory } from '../database/directory.ts';
import { fingerprintOf } from '../redis/cached-session.ts';
import type { SecondaryStorage } from '../redis/secondary-storage.ts';
import type { SessionStore } from '../../sessions/session-store.ts';

export interface StandingsParts {
  readonly directory: Pick<Directory, 'userStanding' | 'now'>;
  /** Null where only Redis holds sessions. */
  readonly table: Pick<SessionStore, 'findSessionIdsByToken' | 'list'> | null;
  /** Null where there is no secondary storage. */
  readonly secondary: Pick<SecondaryStorage, 'read'> | null;
  readonly rowsAreRecords: boolean;
  /** Null where no session has this id. */
  readonly tokenOf: (id: string) => Promise<string | null>;
}

/** Asks each store that holds sessions separately. */
export function createStandings({
  directory,
  table,
  secondary,
  rowsAreRecords,
  tokenOf,
}: StandingsParts): Standings {
  const rowOf = async (id: string | null): Promise<Session | null> => {
    if (table === null || id === null) return null;
    const named = { ...everySession, sessionIds: [id] };
    for await (const [session] of table.list(named, { sort: null, limit: 1 })) return session ?? null;
    return null;
  };

  const cachedOf = async (token: string): Promise<CachedCopy | null> => {
    const [found] = (await secondary?.read([token])) ?? [];
    if (found === undefined) return null;
    if (!found.readable) return { session: null, revoked: false };
    const { session } = found;
    const { expiresAt, state } = session;
    const copy: Session = { ...session, store: 'secondary', tokenFingerprint: fingerprintOf(token) };
    // A session that is no longer valid although its expiry is still to come was created before its user's mark.
    const revoked = state === 'expired' && expiresAt !== null && expiresAt >= directory.now;
    return { session: copy, revoked };
  };

  const standing = async (row: Session | null, token: string | null): Promise<Standing> => {
    const cached = token === null ? null : await cachedOf(token);
    const userId = cached?.session?.userId ?? row?.userId ?? null;
    const ask = directory.userStanding;
    return {
      cached: secondary === null ? undefined : cached,
      row: table === null ? undefined : row,
      rowsAreRecords,
      user: ask === null || userId === null ? null : await ask(userId),
    };
  };

  return {
    async byToken(token) {
      const [id = null] = (await table?.findSessionIdsByToken([token])) ?? [];
      return standing(await rowOf(id), token);
    },
    byId: async (id) => standing(await rowOf(id), secondary === null ? null : await tokenOf(id)),
  };
}
