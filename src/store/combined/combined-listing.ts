import type { CombinedParts } from './combined-parts.ts';
import { everySession, type Selection } from '../../sessions/selection.ts';
import type { ListOptions, SortField } from '../../sessions/reading-store.ts';
import type { Session } from '../../sessions/session.ts';
import { fingerprintOf, type CachedSession } from '../redis/cached-session.ts';
import type { Places } from './places.ts';

/** Maximum sessions in one chunk of a list. */
const LISTED_AT_ONCE = 250;

/** Where a session of a sorted list is found: by its token in Redis, or by its id in the database. */
interface Place {
  readonly key: Session[SortField];
  readonly id: string;
  readonly token: string | null;
}

/** Lists the sessions of Redis, and those that the database alone holds. */
export interface CombinedListing {
  /** As they come. */
  unsorted(selection: Selection): AsyncGenerator<readonly Session[]>;
  sorted(
    selection: Selection,
    order: NonNullable<ListOptions['sort']>,
    limit: number,
  ): AsyncGenerator<readonly Session[]>;
}

export function createCombinedListing(
  { table, secondary, preserve }: CombinedParts,
  places: Places,
): CombinedListing {
  return { unsorted, sorted };

  /** A row that Redis does not know is a live session, unless rows are only records. */
  function ofRow(session: Session): Session {
    return preserve ? { ...session, state: 'expired' } : session;
  }

  async function* sessionsOf(ids: readonly string[]): AsyncGenerator<readonly Session[]> {
    if (table === null || ids.length === 0) return;
    const named = { ...everySession, sessionIds: ids };
    for await (const chunk of table.list(named, { sort: null })) yield chunk.map(ofRow);
  }

  async function ofCached(cached: readonly CachedSession[]): Promise<readonly Session[]> {
    const ids = cached.map(({ session }) => session.id);
    const withRow = table === null ? new Set<string>() : await table.existingSessionIds(ids);
    return cached.map(({ token, session }) => ({
      ...session,
      store: withRow.has(session.id) ? 'both' : 'secondary',
      tokenFingerprint: fingerprintOf(token),
    }));
  }

  /** Unsorted: first the sessions in Redis, then those that are only in the database. */
  async function* unsorted(selection: Selection): AsyncGenerator<readonly Session[]> {
    for await (const page of places.cached(selection, { users: true, states: true }))
      yield await ofCached(page);
    for await (const page of places.rowsAlone(selection)) yield* sessionsOf(page.map(({ id }) => id));
  }

  async function* sorted(
    selection: Selection,
    { field, direction }: NonNullable<ListOptions['sort']>,
    limit: number,
  ): AsyncGenerator<readonly Session[]> {
    const order = direction === 'asc' ? 1 : -1;
    const compare = (one: Place, other: Place) =>
      order * (compareText(one.key, other.key) || compareText(one.id, other.id));
    let found: Place[] = [];
    // The sort keys and ids of two million sessions fit into memory; the sessions themselves do not.
    const keep = (more: readonly Place[]) => {
      found.push(...more);
      if (found.length > 2 * limit + LISTED_AT_ONCE) found = found.sort(compare).slice(0, limit);
    };
    for await (const page of places.cached(selection, { users: field === 'userEmail' }))
      keep(page.map(({ token, session }) => ({ key: session[field], id: session.id, token })));
    for await (const page of places.rowsAlone(selection)) {
      for await (const chunk of sessionsOf(page.map(({ id }) => id)))
        keep(chunk.map((session) => ({ key: session[field], id: session.id, token: null })));
    }
    found = found.sort(compare).slice(0, limit);
    for (let from = 0; from < found.length; from += LISTED_AT_ONCE) {
      const some = found.slice(from, from + LISTED_AT_ONCE);
      const tokens = some.flatMap(({ token }) => (token === null ? [] : [token]));
      const rows = some.flatMap(({ id, token }) => (token === null ? [id] : []));
      const byId = new Map<string, Session>();
      for (const session of await ofCached(await secondary.read(tokens))) byId.set(session.id, session);
      for await (const chunk of sessionsOf(rows)) for (const session of chunk) byId.set(session.id, session);
      yield some.flatMap(({ id }) => byId.get(id) ?? []);
    }
  }
}

/** Compares like a database that sorts text by its bytes; absent values come first. */
function compareText(one: string | null, other: string | null): number {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? -1 : 1;
  return one < other ? -1 : 1;
}
