import { expiryAfterRefresh } from './activity.ts';
import { keyFinder, keyRangesOf } from './address.ts';
import { foldCase } from './fold-case.ts';
import type { Instant } from './instant.ts';
import type { Selection } from './selection.ts';
import type { Session } from './session.ts';
import { readStoredAddress } from './stored-address.ts';

/** The fields of a session that decide whether it is selected. */
export type Selectable = Pick<
  Session,
  | 'id'
  | 'userId'
  | 'ipAddress'
  | 'userAgent'
  | 'impersonatedBy'
  | 'createdAt'
  | 'updatedAt'
  | 'expiresAt'
  | 'state'
>;

/**
 * Decides whether a session matches the selection, like the SQL condition, for stores without queries. An absent value
 * meets no condition and no exception.
 * @param unreadableTimes `include` also matches sessions that may match: those without a time that the selection
 * compares
 */
export function matcherOf(
  selection: Selection,
  unreadableTimes: 'include' | 'exclude' = 'exclude',
): (session: Selectable) => boolean {
  const { presentAt, aliveAt, state, updatedAfter, updatedBefore } = selection;
  const refreshedAfter = expiryAfterRefresh(updatedAfter, selection);
  const refreshedBefore = expiryAfterRefresh(updatedBefore, selection);
  const unknown = unreadableTimes === 'include';
  const isAfter = (moment: Instant | null, limit: Instant | null) =>
    limit === null || (moment === null ? unknown : moment > limit);
  const isBefore = (moment: Instant | null, limit: Instant | null) =>
    limit === null || (moment === null ? unknown : moment < limit);
  const sessionIds = selection.sessionIds === null ? null : new Set(selection.sessionIds);
  const isUser = oneOf(selection.userIds);
  const isImpersonator = oneOf(selection.impersonatorIds);
  const isExceptedUser = oneOf(selection.exceptUserIds);
  const excepted = new Set(selection.exceptSessionIds);
  const isFrom = addressMatcher(selection);
  const agents = selection.userAgents.map(foldCase);
  return (session) => {
    const { id, userId, ipAddress, impersonatedBy, createdAt, updatedAt, expiresAt } = session;
    return (
      (sessionIds === null || sessionIds.has(id)) &&
      (selection.userIds.length === 0 || isUser(userId)) &&
      isFrom(ipAddress) &&
      (agents.length === 0 || contains(session.userAgent, agents)) &&
      (!selection.impersonated || impersonatedBy !== null) &&
      (selection.impersonatorIds.length === 0 || isImpersonator(impersonatedBy)) &&
      isAfter(createdAt, selection.createdAfter) &&
      isBefore(createdAt, selection.createdBefore) &&
      (isAfter(updatedAt, updatedAfter) || (refreshedAfter !== null && isAfter(expiresAt, refreshedAfter))) &&
      isBefore(updatedAt, updatedBefore) &&
      isBefore(expiresAt, refreshedBefore) &&
      isAfter(expiresAt, selection.expiresAfter) &&
      isBefore(expiresAt, selection.expiresBefore) &&
      isBefore(expiresAt, selection.surelyExpiredAt) &&
      (aliveAt === null || (expiresAt === null ? session.state === 'active' : expiresAt > aliveAt)) &&
      (presentAt === null || createdAt === null || createdAt <= presentAt) &&
      (state === 'all' || state === session.state) &&
      !excepted.has(id) &&
      !isExceptedUser(userId)
    );
  };
}

function oneOf(values: readonly string[]): (value: string | null) => boolean {
  const known = new Set(values);
  return (value) => value !== null && known.has(value);
}

function contains(agent: string | null, texts: readonly string[]): boolean {
  if (agent === null) return false;
  const folded = foldCase(agent);
  return texts.some((text) => folded.includes(text));
}

function addressMatcher({ ips, exceptIps, unclearAddress }: Selection): (address: string | null) => boolean {
  if (ips.length === 0 && exceptIps.length === 0) return () => !unclearAddress;
  const isMeant = keyFinder(keyRangesOf(ips));
  const isExcepted = keyFinder(keyRangesOf(exceptIps));
  return (address) => {
    const { key, unclear } = readStoredAddress(address);
    const within = key !== null && isMeant(key);
    if (unclearAddress) return unclear && (exceptIps.length > 0 || !within);
    const kept = exceptIps.length > 0 && (unclear || (key !== null && isExcepted(key)));
    return (ips.length === 0 || within) && !kept;
  };
}
