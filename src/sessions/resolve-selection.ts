import { ACTIVITY_SAMPLE, requireMovingUpdates } from './activity.ts';
import { coversRange, widenRange, type Ipv6Subnet } from './address.ts';
import { looksLikeCredential } from './credential.ts';
import { candidatesOf, readPaste } from './pasted.ts';
import type { Instant } from './instant.ts';
import { InvalidValueError, NotFoundError } from './invalid-value.ts';
import { resolveMoment, type Moment } from './moment.ts';
import type { SessionStore } from './session-store.ts';

import { everySession, type Selection, type SelectionRequest } from './selection.ts';

/** A shorter prefix names a session by accident too easily. */
export const SHORTEST_ID_PREFIX = 8;

/**
 * Finds the users and sessions that the request names, and fixes its moments by the store's clock.
 * @param ipv6Subnet the bits of an IPv6 address that the application stores: narrower networks are widened to it
 * @throws NotFoundError for a user or session that does not exist: a misspelt name never becomes an empty filter
 * @throws InvalidValueError where a name is ambiguous, or no time lies between two limits
 * @throws SchemaError where the store lacks a column that an option needs
 * @throws MissingSettingError where activity is unknown without `expires_in`
 */
export async function resolveSelection(
  request: SelectionRequest,
  store: SessionStore,
  ipv6Subnet: Ipv6Subnet,
): Promise<Selection> {
  const moments = resolveMoments(request, store.now);
  const comparesActivity = moments.updatedAfter !== null || moments.updatedBefore !== null;
  const selection: Selection = {
    ...everySession,
    ...moments,
    expiresIn: comparesActivity ? store.expiresIn : null,
    userIds: await userIds('--user', request.users, store),
    ips: request.ips.map((range) => widenRange(range, ipv6Subnet)),
    userAgents: request.userAgents,
    impersonated: request.impersonated,
    impersonatorIds: await userIds('--impersonated-by', request.impersonators, store),
    state: request.state,
    exceptUserIds: await userIds('--except-user', request.exceptUsers, store),
    exceptSessionIds: await sessionIds('--except-session', request.exceptSessions, store),
    // A masked address may be the excepted one: its session is kept.
    exceptIps: request.exceptIps.map((range) => widenRange(range, ipv6Subnet)),
  };
  rejectImpossible(selection, store.now);
  store.requireColumns(selection, null);
  if (comparesActivity && store.expiresIn === null) {
    const active = { ...everySession, state: 'active' } as const;
    await requireMovingUpdates(store.list(active, { sort: null, limit: ACTIVITY_SAMPLE }), store.now);
  }
  return selection;
}

/** The moments of a selection. Durations back from now move with the clock. */
export function resolveMoments(
  request: SelectionRequest,
  now: Instant,
): Pick<
  Selection,
  'createdAfter' | 'createdBefore' | 'updatedAfter' | 'updatedBefore' | 'expiresAfter' | 'expiresBefore'
> {
  const at = (value: Moment | null) => (value === null ? null : resolveMoment(value, now));
  return {
    createdAfter: at(request.createdAfter),
    createdBefore: at(request.createdBefore),
    updatedAfter: at(request.activeAfter),
    updatedBefore: at(request.idleSince),
    expiresAfter: at(request.expiresAfter),
    expiresBefore: at(request.expiresBefore),
  };
}

/**
 * The one session that an id, or a unique prefix of at least eight characters, names. The rest of the id may be
 * anything, so a caller that ends the session must report the full id.
 * @param unknownHint the hint if no session has the id
 * @throws NotFoundError if no session has the id
 * @throws InvalidValueError where a prefix is too short or matches several
 */
export async function resolveSessionId(
  id: string,
  store: SessionStore,
  unknownHint = 'It may have ended. `sessionctl list --state all` shows all ids, also those of expired sessions.',
): Promise<string> {
  if (id.trim() === '') throw new InvalidValueError('the id is empty', '`sessionctl list` shows ids.');
  const found = await store.findSessionIds(id, 3);
  const [first] = found;
  if (first === id) return first;
  if (await isCredential(id, store)) throw credentialGiven('an id');
  const shown = JSON.stringify(id);
  if (id.length < SHORTEST_ID_PREFIX) {
    throw new NotFoundError(
      `no session has the id ${shown}`,
      `A prefix needs at least ${String(SHORTEST_ID_PREFIX)} characters; \`sessionctl list\` shows ids.`,
    );
  }
  if (first === undefined) {
    throw new NotFoundError(`no session has the id ${shown}`, unknownHint);
  }
  if (found.length > 1) {
    throw new InvalidValueError(
      `several sessions have an id that begins with ${shown}`,
      'Give more characters of the id.',
    );
  }
  return first;
}

/** Whether the text is the token of a session, or a cookie that contains one. Then it must not be shown. */
export async function isCredential(text: string, store: SessionStore): Promise<boolean> {
  return (await areCredentials([text], store))[0] === true;
}

/** `isCredential` for many texts, with one query to the store. */
export async function areCredentials(
  texts: readonly string[],
  store: SessionStore,
): Promise<readonly boolean[]> {
  const candidates = texts.map((text) =>
    looksLikeCredential(text) ? null : readPaste(text).flatMap(candidatesOf),
  );
  const unclear = candidates.flatMap((tokens) => tokens ?? []);
  const ids = await store.findSessionIdsByToken(unclear);
  const known = new Set(unclear.filter((_, at) => ids[at] !== null));
  return candidates.map((tokens) => tokens === null || tokens.some((token) => known.has(token)));
}

function credentialGiven(instead: string): NotFoundError {
  return new NotFoundError(
    `a token was given instead of ${instead}`,
    'It is not shown here, but may be in the history of your shell. To end its session, use `sessionctl revoke --token-stdin`.',
  );
}

/**
 * The e-mail address in a user's name as `show` prints it: `Ada Lovelace <ada@example.com>`. Any other text is taken as
 * it is written: an id may have spaces.
 */
function userNamed(text: string): string {
  return /^[^<>]*<([^<>\s]+@[^<>\s]+)>\s*$/.exec(text)?.[1] ?? text;
}

async function userIds(
  option: string,
  names: readonly string[],
  store: SessionStore,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const name of names.map(userNamed)) {
    const [user, ...others] = await store.findUsers(name);
    const shown = JSON.stringify(name);
    if (user === undefined && (await isCredential(name, store))) throw credentialGiven(`a user (${option})`);
    if (user === undefined)
      throw new NotFoundError(`${option}: no user has the id or e-mail address ${shown}`);
    if (others.length > 0) {
      throw new InvalidValueError(
        `${option}: ${shown} fits ${String(others.length + 1)} users`,
        `Give the id: ${[user, ...others].map((one) => one.id).join(', ')}.`,
      );
    }
    ids.push(user.id);
  }
  return [...new Set(ids)];
}

const NOTHING_TO_EXCEPT =
  'If that session has ended, leave the option out; `sessionctl list --state all` shows ids.';

async function sessionIds(
  option: string,
  ids: readonly string[],
  store: SessionStore,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const id of ids) {
    try {
      found.push(await resolveSessionId(id, store, NOTHING_TO_EXCEPT));
    } catch (error) {
      if (error instanceof NotFoundError) throw new NotFoundError(`${option}: ${error.message}`, error.hint);
      if (error instanceof InvalidValueError)
        throw new InvalidValueError(`${option}: ${error.message}`, error.hint);
      throw error;
    }
  }
  return found;
}

/**
 * Refuses a selection that no session could match. Otherwise a typing mistake would look like an empty result.
 * @throws InvalidValueError
 */
function rejectImpossible(selection: Selection, now: Instant): void {
  const { createdAfter, createdBefore, updatedAfter, updatedBefore, expiresAfter, expiresBefore } = selection;
  rejectEmptyWindow('--created-after', createdAfter, '--created-before', createdBefore);
  rejectEmptyWindow('--active-after', updatedAfter, '--idle-since', updatedBefore);
  rejectEmptyWindow('--expires-after', expiresAfter, '--expires-before', expiresBefore);
  // No session is used, or ends, before it has begun.
  rejectEmptyWindow('--created-after', createdAfter, '--idle-since', updatedBefore);
  rejectEmptyWindow('--created-after', createdAfter, '--expires-before', expiresBefore);
  rejectFuture('--created-after', createdAfter, now);
  rejectFuture('--active-after', updatedAfter, now);
  if (selection.state === 'active')
    rejectEmptyWindow('--state active', now, '--expires-before', expiresBefore);
  if (selection.state === 'expired')
    rejectEmptyWindow('--expires-after', expiresAfter, '--state expired', now);
  rejectAllExcepted('--user', selection.userIds, '--except-user', (id) =>
    selection.exceptUserIds.includes(id),
  );
  rejectAllExcepted('--ip', selection.ips, '--except-ip', (range) =>
    selection.exceptIps.some((except) => coversRange(except, range)),
  );
}

function rejectEmptyWindow(after: string, from: Instant | null, before: string, until: Instant | null): void {
  if (from !== null && until !== null && from >= until) {
    throw new InvalidValueError(
      `${after} and ${before} leave no time between them`,
      `${after} is ${from}, ${before} is ${until}.`,
    );
  }
}

function rejectFuture(option: string, moment: Instant | null, now: Instant): void {
  if (moment !== null && moment > now) {
    throw new InvalidValueError(
      `${option} is ${moment}, which is in the future`,
      `The database's clock says ${now}.`,
    );
  }
}

function rejectAllExcepted<Value>(
  option: string,
  values: readonly Value[],
  except: string,
  isExcepted: (value: Value) => boolean,
): void {
  if (values.length > 0 && values.every(isExcepted)) {
    throw new InvalidValueError(
      `${except} excludes everything that ${option} selects`,
      'Leave one of them out.',
    );
  }
}
