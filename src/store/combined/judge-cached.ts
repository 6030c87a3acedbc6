import { matcherOf } from '../../sessions/matcher.ts';
import { comparesOnly, everySession, type Selection } from '../../sessions/selection.ts';
import type { CachedSession } from '../redis/cached-session.ts';

/** The known fields of a session with an unreadable value and no row: its id, its user, and that it exists. */
const KNOWN: ReadonlySet<keyof Selection> = new Set<keyof Selection>([
  'userIds',
  'exceptUserIds',
  'sessionIds',
  'exceptSessionIds',
  'state',
  'presentAt',
]);

/**
 * Whether a session in Redis matches the selection; null if it may match but its value is unreadable.
 * @param unreadableTimes as with `matcherOf`
 */
export function judgeOf(
  selection: Selection,
  unreadableTimes: 'include' | 'exclude' = 'exclude',
): (cached: CachedSession) => boolean | null {
  const matches = matcherOf(selection, unreadableTimes);
  // A key without a lifetime stays until it is deleted, and says nothing about a refresh.
  const matchesLasting = matcherOf({ ...selection, expiresAfter: null, expiresIn: null });
  const { userIds, exceptUserIds, sessionIds, exceptSessionIds, state } = selection;
  const mayMatch = matcherOf({
    ...everySession,
    userIds,
    exceptUserIds,
    sessionIds,
    exceptSessionIds,
    state,
  });
  const isKnown = comparesOnly(selection, KNOWN);
  return ({ session, readable, named }) => {
    if (readable) return matches(session);
    if (named) return (session.expiresAt === null ? matchesLasting : matches)(session);
    if (!mayMatch(session)) return false;
    return isKnown ? true : null;
  };
}
