import { millisecondsOf } from '../sessions/instant.ts';
import { everySession, type Selection } from '../sessions/selection.ts';
import type { MarkedUsers } from '../sessions/session-store.ts';
import type { CombinedParts } from './combined-parts.ts';
import { judgeOf } from './judge-cached.ts';
import type { Places } from './places.ts';

/** Of more users it is not looked up whether they have other sessions as well. */
const MOST_USERS = 10_000;

/**
 * As `SessionStore.markUsers`. The mark of a user stands just behind the latest of the selected sign-ins: who signs in later is
 * not meant.
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

/** The users who have sessions that are not selected. */
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
  // Where rows are records, those that Redis knows nothing of have ended.
  if (preserve || table === null) return others;
  for await (const page of places.steadfast.rowsAlone(theirs)) {
    const unselected = page.map(({ id }) => id).filter((id) => !selected.has(id));
    for (const { userId } of await table.steadfastRows.datedRows(unselected)) others.add(userId ?? '');
  }
  return others;
}
