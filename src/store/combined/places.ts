import type { Instant } from '../../sessions/instant.ts';
import { everySession, type Selection } from '../../sessions/selection.ts';
import type { CombinedParts } from './combined-parts.ts';
import type { SessionRows, TokenRow } from '../database/read/session-rows.ts';
import { judgeOf } from './judge-cached.ts';
import type { CachedSession } from '../redis/cached-session.ts';
import type { ScanOptions, SecondaryStorage } from '../redis/secondary-storage.ts';

/** A page of sessions in Redis. */
export interface CachedPage {
  readonly meant: readonly CachedSession[];
  /** How many sessions were read for this page. */
  readonly all: number;
  /** Keys of users' lists found among them. */
  readonly indexKeys: readonly string[];
}

export interface WalkOptions extends ScanOptions {
  /** Also set the state of sessions by Better Auth's marks, even where the selection does not depend on it. */
  readonly states?: boolean;
  /** See `matcherOf`. */
  readonly unreadableTimes?: 'include' | 'exclude';
}

/** Walks through the stores that hold sessions. */
export interface Walker {
  /** The selected sessions in Redis, each once. */
  pages(selection: Selection, options?: WalkOptions): AsyncGenerator<CachedPage>;
  /** Like `pages`, without pages on which no session is selected. */
  cached(selection: Selection, options?: WalkOptions): AsyncGenerator<readonly CachedSession[]>;
  /** The selected rows that Redis does not know. For a session that Redis holds, its copy there decides. */
  rowsAlone(selection: Selection): AsyncGenerator<readonly TokenRow[]>;
}

export interface Places extends Walker {
  /** Like the others, but runs to its end even after the run's signal. */
  readonly steadfast: Walker;
  /** Remembers the token of a session, so that the session's id finds it without a scan. */
  remember(cached: CachedSession): void;
  /** The token of a session in any store; null if no session has this id. */
  tokenOf(id: string): Promise<string | null>;
  /** Ids of rows that had certainly expired at a moment, and whose sessions Redis holds alive or unreadable. */
  idsHeldAlive(expiredAt: Instant): Promise<readonly string[]>;
  /** Sessions seen so far that may be selected, but whose values are unreadable. */
  readonly unreadable: { readonly size: number };
}

/** Ids or rows looked up at once. */
const AT_ONCE = 500;

export function createPlaces({ table, secondary, steadfast, preserve }: CombinedParts): Places {
  /** Tokens by the ids of their sessions. Redis finds a session only by its token. */
  const known = new Map<string, string>();
  /** Tokens. */
  const unreadable = new Set<string>();

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
    idsHeldAlive: async (expiredAt) => {
      const alive: string[] = [];
      for await (const page of rowPages(table?.rows ?? null, {
        ...everySession,
        surelyExpiredAt: expiredAt,
      })) {
        const idOf = new Map(page.map(({ id, token }) => [token, id]));
        for (const { token, session } of await secondary.read([...idOf.keys()]))
          if (session.state === 'active') alive.push(idOf.get(token) ?? session.id);
      }
      return alive;
    },
    remember,
    unreadable,
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
    for await (const { sessions } of storage.scan()) {
      for (const cached of sessions) {
        if (!missing.delete(cached.session.id)) continue;
        remember(cached);
      }
      if (missing.size === 0) return;
    }
  }

  function walker(storage: SecondaryStorage, rows: SessionRows | null): Walker {
    async function* byId(ids: readonly string[], judge: Judge): AsyncGenerator<CachedPage> {
      await findTokens(ids, storage, rows);
      for (let from = 0; from < ids.length; from += AT_ONCE) {
        const idOf = new Map<string, string>();
        for (const id of ids.slice(from, from + AT_ONCE)) {
          const token = known.get(id);
          if (token !== undefined) idOf.set(token, id);
        }
        const found = await storage.read([...idOf.keys()]);
        // A session with an unreadable value has no id of its own once its row is gone.
        const sessions = found.map((cached) => {
          const id = idOf.get(cached.token);
          return cached.readable || id === undefined
            ? cached
            : { ...cached, session: { ...cached.session, id } };
        });
        // For one without a row nothing else is known. It was named, so it is selected.
        const meant = sessions.filter(
          (cached) => (!cached.readable && !cached.named) || judge(cached) === true,
        );
        yield { meant, all: sessions.length, indexKeys: [] };
      }
    }

    async function* pages(
      selection: Selection,
      { states = selection.state !== 'all', unreadableTimes, ...options }: WalkOptions = {},
    ): AsyncGenerator<CachedPage> {
      const judge = judgeOf(selection, unreadableTimes);
      if (selection.sessionIds !== null) {
        yield* byId(selection.sessionIds, judge);
        return;
      }
      const matching = (sessions: readonly CachedSession[], isMeant: Judge) =>
        sessions.filter((cached) => {
          const meant = isMeant(cached);
          if (meant === null) unreadable.add(cached.token);
          return meant === true;
        });
      // The index is read first: if the scan does not finish, most of a user's sessions have been found.
      const met = new Set<string>();
      const unmet = (sessions: readonly CachedSession[]) =>
        sessions.filter(({ token }) => {
          const isNew = !met.has(token);
          met.add(token);
          return isNew;
        });
      if (selection.userIds.length > 0) {
        for await (const sessions of storage.namedSessions(selection.userIds)) {
          const meant = matching(unmet(sessions), judge);
          yield { meant, all: sessions.length, indexKeys: [] };
        }
      }
      const judgeBesideState = judgeOf({ ...selection, state: 'all' }, unreadableTimes);
      const unmarked = new Set<string>();
      for await (const page of storage.scan(options)) {
        const { sessions, indexKeys } = page;
        for (const token of page.unreadable) unreadable.add(token);
        const likely = unmet(matching(sessions, judgeBesideState));
        const judged = states ? await storage.judge(likely, unmarked) : likely;
        const meant = states ? matching(judged, judge) : judged;
        yield { meant, all: sessions.length, indexKeys };
      }
    }

    return {
      pages,

      async *cached(selection, options) {
        for await (const { meant } of pages(selection, options)) if (meant.length > 0) yield meant;
      },

      async *rowsAlone(selection) {
        // Where rows are records, a session that Redis does not know has ended, even if its expiry is later.
        if (preserve && selection.state === 'active') return;
        const asked: Selection = preserve ? { ...selection, state: 'all' } : selection;
        for await (const page of rowPages(rows, asked)) {
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

type Judge = ReturnType<typeof judgeOf>;

/** The selected rows, in pages. */
async function* rowPages(
  rows: SessionRows | null,
  selection: Selection,
): AsyncGenerator<readonly TokenRow[]> {
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
