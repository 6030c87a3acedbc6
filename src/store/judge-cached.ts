import { matcherOf } from '../sessions/matcher.ts';
import { comparesOnly, everySession, type Selection } from '../sessions/selection.ts';
import type { CachedSession } from './redis/cached-session.ts';

/** What is known of a session whose value cannot be read and that has no row: its id, whose it is, and that it is there. */
const KNOWN: ReadonlySet<keyof Selection> = new Set<keyof Selection>([
  'userIds',
  'exceptUserIds',
  'sessionIds',
  'exceptSessionIds',
  'state',
  'presentAt',
]);

/**
 * Whether sessions that Redis holds are of a selection; null for one that may be, which cannot be judged since its value
 * cannot be read.
 * @param unreadableTimes as with `matcherOf`
 */
export function judgeOf(
  selection: Selection,
  unreadableTimes: 'include' | 'exclude' = 'exclude',
): (cached: CachedSession) => boolean | null {
  const matches = matcherOf(selection, unreadableTimes);
  // A key without a lifetime stays until it is deleted, and tells nothing of a refresh.
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
