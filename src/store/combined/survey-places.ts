import { millisecondsOf, type Instant } from '../../sessions/instant.ts';
import { everySession, type Selection } from '../../sessions/selection.ts';
import type { Survey } from '../../sessions/ending-store.ts';
import type { Session } from '../../sessions/session.ts';
import type { CombinedParts } from './combined-parts.ts';
import { judgeOf } from './judge-cached.ts';
import type { Places } from './places.ts';

type Surveyed = Pick<Session, 'id' | 'userId' | 'state' | 'createdAt'>;

/**
 * Counts the selected sessions in all stores, and what is attached to them, in one pass.
 * @param selectedTokens receives the tokens of selected sessions in Redis
 */
export async function surveyPlaces(
  { directory, waysBack, table, preserve }: CombinedParts,
  places: Places,
  selection: Selection,
  namedUsers: readonly string[],
  selectedTokens: Set<string>,
): Promise<Survey> {
  const { boundTokens, countApiKeys, now } = directory;
  /** The users of the sessions, each with the latest sign-in. */
  const users = new Map<string, Instant | null>();
  const isTheirs = selection.keepNewest === null ? impersonatedBy(selection, now) : null;
  const sum = { sessions: 0, active: 0, bound: 0, offline: 0, apiKeys: 0, impersonations: 0 };
  let newest: Instant | null = null;

  const add = async (sessions: readonly Surveyed[]) => {
    const newUsers: string[] = [];
    for (const { userId, state, createdAt } of sessions) {
      sum.sessions += 1;
      if (state === 'active') sum.active += 1;
      if (createdAt !== null && (newest === null || createdAt > newest)) newest = createdAt;
      if (userId === null) continue;
      const latest = users.get(userId);
      if (latest === undefined) newUsers.push(userId);
      if (latest === undefined || (createdAt !== null && (latest === null || createdAt > latest)))
        users.set(userId, createdAt);
    }
    if (boundTokens !== null) {
      const tokens = await boundTokens.count(sessions.map(({ id }) => id));
      sum.bound += tokens.bound;
      sum.offline += tokens.offline;
    }
    if (countApiKeys !== null) sum.apiKeys += await countApiKeys(newUsers);
  };

  const judge = judgeOf(selection);
  const looked = isTheirs === null ? selection : everySession;
  for await (const page of places.cached(looked, { states: true })) {
    const meant = isTheirs === null ? page : page.filter((cached) => judge(cached) === true);
    for (const { token } of meant) selectedTokens.add(token);
    await add(meant.map(({ session }) => session));
    if (isTheirs === null) continue;
    sum.impersonations += page.filter((cached) => judge(cached) === false && isTheirs(cached.session)).length;
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
    newestOf: users,
    waysBack: await waysBack.count(namedUsers.length > 0 ? namedUsers : [...users.keys()]),
    impersonations: isTheirs === null ? null : sum.impersonations,
  };
}

/**
 * Live sessions that the selected users opened as administrators in another user's name; null where no users are
 * selected.
 */
function impersonatedBy(
  { userIds }: Selection,
  now: Instant,
): ((session: Pick<Session, 'impersonatedBy' | 'expiresAt'>) => boolean) | null {
  if (userIds.length === 0) return null;
  const present = millisecondsOf(now);
  return ({ impersonatedBy: by, expiresAt }) =>
    by !== null && userIds.includes(by) && expiresAt !== null && millisecondsOf(expiresAt) >= present;
}
