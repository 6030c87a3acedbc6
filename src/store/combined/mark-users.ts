import { millisecondsOf } from '../../sessions/instant.ts';
import { everySession, type Selection } from '../../sessions/selection.ts';
import type { MarkedUsers } from '../../sessions/ending-store.ts';
import type { CombinedParts } from './combined-parts.ts';
import { judgeOf } from './judge-cached.ts';
import type { Places } from './places.ts';

/** With more users than this, their other sessions are not looked up. */
const MOST_USERS = 10_000;

/**
 * See `SessionStore.markUsers`. A user's mark is set just after the latest of the selected sign-ins, so that later
 * sign-ins are not affected.
 */
export async function markUsers(
  parts: Pick<CombinedParts, 'steadfast' | 'markLife' | 'table' | 'preserve'>,
  places: Pick<Places, 'steadfast'>,
  { selection, newestOf, isWhole }: MarkedUsers,
): Promise<number> {
  const others = isWhole ? new Set<string>() : await withOthers(parts, places, selection, newestOf);
  const behind = new Map<string, number>();
  for (const [userId, newest] of newestOf)
    if (newest !== null && !others.has(userId)) behind.set(userId, millisecondsOf(newest) + 1);
  await parts.steadfast.mark(behind, parts.markLife);
  return behind.size;
}

/** The users who also have sessions that are not selected. */
async function withOthers(
  { table, preserve }: Pick<CombinedParts, 'table' | 'preserve'>,
  places: Pick<Places, 'steadfast'>,
  selection: Selection,
  newestOf: MarkedUsers['newestOf'],
): Promise<ReadonlySet<string>> {
  const userIds = [...newestOf.keys()];
  if (selection.sessionIds === null || userIds.length > MOST_USERS) return new Set(userIds);
  const selected = new Set(selection.sessionIds);
  const others = new Set<string>();
  const theirs = { ...everySession, userIds };
  const judge = judgeOf(selection);
  for await (const page of places.steadfast.cached(theirs))
    for (const cached of page) if (judge(cached) !== true) others.add(cached.session.userId ?? '');
  // Where rows are records, sessions that Redis does not know have ended.
  if (preserve || table === null) return others;
  for await (const page of places.steadfast.rowsAlone(theirs)) {
    const unselected = page.map(({ id }) => id).filter((id) => !selected.has(id));
    for (const { userId } of await table.steadfastRows.datedRows(unselected)) others.add(userId ?? '');
  }
  return others;
}
