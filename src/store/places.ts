import { matcherOf } from '../sessions/matcher.ts';
import type { Selection } from '../sessions/selection.ts';
import type { CombinedParts } from './combined.ts';
import type { SessionRows, TokenRow } from './database/session-rows.ts';
import type { CachedSession } from './redis/cached-session.ts';
import type { ScanOptions, SecondaryStorage } from './redis/secondary-storage.ts';
import { createSeen } from './redis/seen.ts';

/** A page of sessions that Redis holds. */
export interface CachedPage {
  readonly meant: readonly CachedSession[];
  /** How many were looked at. */
  readonly all: number;
  /** Keys of users' lists that lay among them. */
  readonly indexKeys: readonly string[];
}

export interface WalkOptions extends ScanOptions {
  /** Sessions are also told what Better Auth's marks say of their state, where nothing selects by it. */
  readonly states?: boolean;
  /** As of `matcherOf`. */
  readonly unreadableTimes?: 'include' | 'exclude';
}

/** Goes through the places that sessions stand in. */
export interface Walker {
  /** The selected sessions that Redis holds. One may come twice. */
  pages(selection: Selection, options?: WalkOptions): AsyncGenerator<CachedPage>;
  /** As `pages`, without those on which nothing is selected, and read ahead. */
  cached(selection: Selection, options?: WalkOptions): AsyncGenerator<readonly CachedSession[]>;
  /** The selected rows of which Redis knows nothing. Of what it holds, its own copy decides. */
  rowsAlone(selection: Selection): AsyncGenerator<readonly TokenRow[]>;
}

export interface Places extends Walker {
  /** As the others, whatever the run's signal. */
  readonly steadfast: Walker;
  /** Keeps the token of a session, so that it is found again by its id without a scan. */
  remember(cached: CachedSession): void;
  /** The token of a session, wherever it stands; null where there is none of this id. */
  tokenOf(id: string): Promise<string | null>;
}

/** Ids or rows that are looked up at once. */
const AT_ONCE = 500;

export function createPlaces({ table, secondary, steadfast, preserve }: CombinedParts): Places {
  /** Tokens by the ids of their sessions. Redis finds a session by its token alone. */
  const known = new Map<string, string>();

  const remember = ({ token, session }: CachedSession) => {
    known.set(session.id, token);
  };

  return {
    ...walker(secondary, table?.rows ?? null),
    tokenOf: async (id) => {
      await findTokens([id], secondary, table?.rows ?? null);
      return known.get(id) ?? null;
    },
    steadfast: walker(steadfast, table?.steadfastRows ?? null),
    remember,
  };

  async function findTokens(
    ids: readonly string[],
    storage: SecondaryStorage,
    rows: SessionRows | null,
  ): Promise<void> {
    const unknown = () => ids.filter((id) => !known.has(id));
    for (const { id, token } of (await rows?.tokenRows(unknown())) ?? []) known.set(id, token);
    const missing = new Set(unknown());
    if (missing.size === 0) return;
    for await (const { sessions } of storage.scan({ ahead: true })) {
      for (const cached of sessions) {
        if (!missing.delete(cached.session.id)) continue;
        remember(cached);
      }
      if (missing.size === 0) return;
    }
  }

  function walker(storage: SecondaryStorage, rows: SessionRows | null): Walker {
    async function* byId(ids: readonly string[], isMeant: Matcher): AsyncGenerator<CachedPage> {
      await findTokens(ids, storage, rows);
      for (let from = 0; from < ids.length; from += AT_ONCE) {
        const tokens = ids.slice(from, from + AT_ONCE).flatMap((id) => known.get(id) ?? []);
        const sessions = await storage.read([...new Set(tokens)]);
        const meant = sessions.filter(({ session }) => isMeant(session));
        yield { meant, all: sessions.length, indexKeys: [] };
      }
    }

    async function* pages(
      selection: Selection,
      { states = selection.state !== 'all', unreadableTimes, ...options }: WalkOptions = {},
    ): AsyncGenerator<CachedPage> {
      const matches = matcherOf(selection, unreadableTimes);
      if (selection.sessionIds !== null) {
        yield* byId(selection.sessionIds, matches);
        return;
      }
      // By the index first: should the scan not come to its end, most of a user's sessions have been met.
      const named = new Set<string>();
      if (selection.userIds.length > 0) {
        for await (const sessions of storage.namedSessions(selection.userIds)) {
          for (const { token } of sessions) named.add(token);
          const meant = sessions.filter(({ session }) => matches(session));
          yield { meant, all: sessions.length, indexKeys: [] };
        }
      }
      const mayMatch = matcherOf({ ...selection, state: 'all' }, unreadableTimes);
      const unmarked = createSeen();
      for await (const { sessions, indexKeys } of storage.scan(options)) {
        const likely = sessions.filter(({ token, session }) => !named.has(token) && mayMatch(session));
        const judged = states ? await storage.judge(likely, unmarked) : likely;
        const meant = states ? judged.filter(({ session }) => matches(session)) : judged;
        yield { meant, all: sessions.length, indexKeys };
      }
    }

    async function* rowPages(selection: Selection): AsyncGenerator<readonly TokenRow[]> {
      if (rows === null) return;
      if (selection.sessionIds !== null) {
        const { sessionIds } = selection;
        for (let from = 0; from < sessionIds.length; from += AT_ONCE) {
          const some = { ...selection, sessionIds: sessionIds.slice(from, from + AT_ONCE) };
          yield await rows.nextRows(some, null, AT_ONCE);
        }
        return;
      }
      for (let after: string | null = null; ;) {
        const page: readonly TokenRow[] = await rows.nextRows(selection, after, AT_ONCE);
        const last = page.at(-1);
        if (last === undefined) return;
        yield page;
        if (page.length < AT_ONCE) return;
        after = last.id;
      }
    }

    return {
      pages,

      async *cached(selection, options) {
        for await (const { meant } of pages(selection, { ahead: true, ...options }))
          if (meant.length > 0) yield meant;
      },

      async *rowsAlone(selection) {
        // Where rows are records, one that Redis knows nothing of has ended, whatever expiry it says.
        if (preserve && selection.state === 'active') return;
        const asked: Selection = preserve ? { ...selection, state: 'all' } : selection;
        for await (const page of rowPages(asked)) {
          const held = new Set(
            (await storage.read(page.map(({ token }) => token))).map(({ token }) => token),
          );
          const alone = page.filter(({ token }) => !held.has(token));
          for (const { id, token } of alone) if (selection.sessionIds !== null) known.set(id, token);
          if (alone.length > 0) yield alone;
        }
      },
    };
  }
}

type Matcher = ReturnType<typeof matcherOf>;
