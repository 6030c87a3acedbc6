import { millisecondsOf, type Instant } from '../sessions/instant.ts';
import { matcherOf } from '../sessions/matcher.ts';
import { everySession, type Selection } from '../sessions/selection.ts';
import type { Survey } from '../sessions/session-store.ts';
import type { Session } from '../sessions/session.ts';
import type { CombinedParts } from './combined.ts';
import type { Places } from './places.ts';
import type { CachedSession } from './redis/cached-session.ts';
import type { Roster } from './redis/roster.ts';
import { createSeen } from './redis/seen.ts';

type Surveyed = Pick<Session, 'id' | 'userId' | 'state' | 'createdAt'>;

/**
 * Counts what a selection holds in all places, and what hangs on it, in one way through them.
 * @param roster takes the tokens of those who are selected, as far as it has room
 */
export async function surveyPlaces(
  { directory, table, preserve }: CombinedParts,
  places: Places,
  selection: Selection,
  roster: Roster | null,
): Promise<Survey> {
  const { boundTokens, countApiKeys, now } = directory;
  const seen = createSeen();
  const users = createSeen();
  const isTheirs = selection.keepNewest === null ? impersonatedBy(selection, now) : null;
  const sum = { sessions: 0, active: 0, bound: 0, offline: 0, apiKeys: 0, impersonations: 0 };
  let newest: Instant | null = null;

  const add = async (sessions: readonly Surveyed[]) => {
    const newUsers: string[] = [];
    for (const { userId, state, createdAt } of sessions) {
      sum.sessions += 1;
      if (state === 'active') sum.active += 1;
      if (createdAt !== null && (newest === null || createdAt > newest)) newest = createdAt;
      if (userId !== null && users.add(userId)) newUsers.push(userId);
    }
    if (boundTokens !== null) {
      const tokens = await boundTokens.count(sessions.map(({ id }) => id));
      sum.bound += tokens.bound;
      sum.offline += tokens.offline;
    }
    if (countApiKeys !== null) sum.apiKeys += await countApiKeys(newUsers);
  };

  const isMeant = matcherOf(selection);
  const looked = isTheirs === null ? selection : everySession;
  const isFresh = ({ token, session }: CachedSession) => {
    const isNew = roster === null || !isMeant(session) ? null : roster.add(token);
    return isNew ?? seen.add(token);
  };
  for await (const page of places.cached(looked, { states: true })) {
    const fresh = page.filter(isFresh).map(({ session }) => session);
    if (isTheirs === null) {
      await add(fresh);
      continue;
    }
    await add(fresh.filter(isMeant));
    sum.impersonations += fresh.filter((each) => !isMeant(each) && isTheirs(each)).length;
  }
  for await (const page of places.rowsAlone(selection)) {
    if (table === null) break;
    const named = { ...everySession, sessionIds: page.map(({ id }) => id) };
    for await (const chunk of table.list(named, { sort: null }))
      await add(chunk.map((each) => (preserve ? { ...each, state: 'expired' as const } : each)));
  }
  return {
    sessions: sum.sessions,
    users: users.size,
    active: sum.active,
    newest,
    oauthTokens: boundTokens === null ? null : { bound: sum.bound, offline: sum.offline },
    apiKeys: countApiKeys === null ? null : sum.apiKeys,
    impersonations: isTheirs === null ? null : sum.impersonations,
  };
}

/** Live sessions that the selected users opened as administrators; null where no users are selected. */
function impersonatedBy(
  { userIds }: Selection,
  now: Instant,
): ((session: Pick<Session, 'impersonatedBy' | 'expiresAt'>) => boolean) | null {
  if (userIds.length === 0) return null;
  const present = millisecondsOf(now);
  return ({ impersonatedBy: by, expiresAt }) =>
    by !== null && userIds.includes(by) && expiresAt !== null && millisecondsOf(expiresAt) >= present;
}
