import type { Selection } from './selection.ts';
import type { SessionStore } from './session-store.ts';
import {
  noWaysBack,
  onlyIncluded,
  usersNamedBy,
  waysBack,
  type Included,
  type WaysBackNumbers,
  type WaysBackCounts,
} from './ways-back.ts';

/** What a revocation ended besides sessions, and what the check afterwards found; null without such a check. */
export interface EndedWaysBack {
  readonly ended: WaysBackNumbers;
  readonly left: WaysBackCounts | null;
}

/**
 * Ends what lets the users of a revocation in again. An approved device code creates a new session when the device asks
 * for it. So this runs before the sessions end, and once more afterwards.
 */
export function startEndingWaysBack(store: SessionStore, asked: Selection, included: ReadonlySet<Included>) {
  const kinds = waysBack.filter((kind) => included.has(kind));
  const named = usersNamedBy(asked);
  const users = new Set(named);
  let ended = noWaysBack;
  let left: WaysBackCounts | null = null;
  const end = async () => {
    for await (const [kind, number] of store.waysBack.end(kinds, [...users]))
      ended = { ...ended, [kind]: ended[kind] + number };
  };
  return {
    done: (): EndedWaysBack => ({ ended, left }),

    /** For the users who have these sessions. The sessions must still exist. */
    async endOf(selection: Selection): Promise<void> {
      if (kinds.length === 0) return;
      if (named.length === 0)
        for await (const chunk of store.list(selection, { sort: null }))
          for (const { userId } of chunk) if (userId !== null) users.add(userId);
      await end();
    },

    /** Ends what was added meanwhile, and checks again. */
    async endAgain(): Promise<void> {
      if (kinds.length === 0) return;
      await end();
      left = onlyIncluded(await store.waysBack.count([...users]), included);
    },
  };
}
