import { ACTIVITY_SAMPLE, requireMovingUpdates } from './activity.ts';
import { coversRange, parseAddressRange, widenRange, type AddressRange, type Ipv6Subnet } from './address.ts';
import { looksLikeCredential } from './credential.ts';
import { candidatesOf, readPaste } from './pasted.ts';
import type { Instant } from './instant.ts';
import { InvalidValueError, NotFoundError } from './invalid-value.ts';
import { parseMoment, parsePastMoment, resolveMoment, type Moment } from './moment.ts';
import { suggestion } from './nearest.ts';
import type { SessionStore } from './session-store.ts';
import { shownValue } from './shown-value.ts';

export const stateChoices = ['active', 'expired', 'all'] as const;
export type StateChoice = (typeof stateChoices)[number];

/** The selecting options as they were typed; absent means not given. */
export interface SelectionWords {
  readonly user?: readonly string[] | undefined;
  readonly ip?: readonly string[] | undefined;
  readonly userAgent?: readonly string[] | undefined;
  readonly createdAfter?: string | undefined;
  readonly createdBefore?: string | undefined;
  readonly activeAfter?: string | undefined;
  readonly idleSince?: string | undefined;
  readonly expiresBefore?: string | undefined;
  readonly expiresAfter?: string | undefined;
  readonly impersonated?: boolean | undefined;
  readonly impersonatedBy?: readonly string[] | undefined;
  readonly state?: string | undefined;
  readonly exceptUser?: readonly string[] | undefined;
  readonly exceptSession?: readonly string[] | undefined;
  readonly exceptIp?: readonly string[] | undefined;
}

/** What was typed, understood as far as that is possible without a store. */
export interface SelectionRequest {
  readonly users: readonly string[];
  readonly ips: readonly AddressRange[];
  readonly userAgents: readonly string[];
  readonly createdAfter: Moment | null;
  readonly createdBefore: Moment | null;
  readonly activeAfter: Moment | null;
  readonly idleSince: Moment | null;
  readonly expiresBefore: Moment | null;
  readonly expiresAfter: Moment | null;
  readonly impersonated: boolean;
  readonly impersonators: readonly string[];
  readonly state: StateChoice;
  readonly exceptUsers: readonly string[];
  readonly exceptSessions: readonly string[];
  readonly exceptIps: readonly AddressRange[];
}

/**
 * The sessions that are meant. Different conditions narrow, several values of one widen; an empty list is a condition
 * that was not given. "After" and "before" both exclude the moment itself.
 */
export interface Selection {
  /** Null names none in particular; an empty list selects nothing. */
  readonly sessionIds: readonly string[] | null;
  readonly userIds: readonly string[];
  /** An address that cannot be read lies in none of them, and in all of `exceptIps`. */
  readonly ips: readonly AddressRange[];
  /** Only the sessions that `ips` and `exceptIps` leave alone since their address cannot be read. */
  readonly unclearAddress: boolean;
  /** Each a literal piece of the user agent, matched without regard to case. */
  readonly userAgents: readonly string[];
  readonly createdAfter: Instant | null;
  readonly createdBefore: Instant | null;
  /** By activity: see `activityOf`. */
  readonly updatedAfter: Instant | null;
  readonly updatedBefore: Instant | null;
  /** Milliseconds. Activity is the later of `updatedAt` and `expiresAt - expiresIn`; null compares `updatedAt` alone. */
  readonly expiresIn: number | null;
  readonly expiresBefore: Instant | null;
  readonly expiresAfter: Instant | null;
  readonly impersonated: boolean;
  /** Administrators who opened them as somebody else. */
  readonly impersonatorIds: readonly string[];
  /**
   * Only sessions that were there at this moment: a sign-in that came later is not meant. One without a readable moment
   * of creation was there.
   */
  readonly presentAt: Instant | null;
  /** Only sessions that had not expired by this moment; one whose expiry cannot be read has not. */
  readonly aliveAt: Instant | null;
  /** Only sessions that had expired by this moment whatever a clock on the wall that is set back may have meant. */
  readonly surelyExpiredAt: Instant | null;
  /**
   * Only active sessions beyond so many newest active ones of their user: by when they began, of two that began at once
   * by their ids. All active sessions of the user count for it, whatever else is selected, but for those that came after
   * `presentAt` and those without a moment of creation, which are never beyond either.
   */
  readonly keepNewest: number | null;
  readonly state: StateChoice;
  readonly exceptUserIds: readonly string[];
  readonly exceptSessionIds: readonly string[];
  readonly exceptIps: readonly AddressRange[];
}

/** Every session. Spread it to build a selection; on its own it is what a forgotten selector must never become. */
export const everySession: Selection = {
  sessionIds: null,
  userIds: [],
  ips: [],
  unclearAddress: false,
  userAgents: [],
  createdAfter: null,
  createdBefore: null,
  updatedAfter: null,
  updatedBefore: null,
  expiresIn: null,
  expiresBefore: null,
  expiresAfter: null,
  impersonated: false,
  impersonatorIds: [],
  presentAt: null,
  aliveAt: null,
  surelyExpiredAt: null,
  keepNewest: null,
  state: 'all',
  exceptUserIds: [],
  exceptSessionIds: [],
  exceptIps: [],
};

/** Whether moments decide what is selected, so that a clock or zone that is off selects others. */
export function comparesTimes(selection: Selection): boolean {
  const { createdAfter, createdBefore, updatedAfter, updatedBefore, expiresBefore, expiresAfter } = selection;
  const limits = [createdAfter, createdBefore, updatedAfter, updatedBefore, expiresBefore, expiresAfter];
  return selection.state !== 'all' || limits.some((limit) => limit !== null);
}

/** Whether a selection compares nothing but these. */
export function comparesOnly(selection: Selection, names: ReadonlySet<keyof Selection>): boolean {
  return (Object.keys(everySession) as readonly (keyof Selection)[]).every((name) => {
    const value: unknown = selection[name];
    // An empty list is a condition that was not given, but for ids: it names nothing.
    const isEmpty = name !== 'sessionIds' && Array.isArray(value) && value.length === 0;
    return isEmpty || value === everySession[name] || names.has(name);
  });
}

const WHOLE_USERS = new Set(['userIds', 'exceptUserIds'] as const);

/** Whether users are selected, or everybody, and every session that they have. */
export function takesWholeUsers(selection: Selection): boolean {
  return comparesOnly(selection, WHOLE_USERS);
}

/** Whether a time that cannot be read may keep a session that is meant from being selected. */
export function dependsOnTimes(selection: Selection): boolean {
  const { surelyExpiredAt, keepNewest } = selection;
  return surelyExpiredAt !== null || keepNewest !== null || comparesTimes({ ...selection, state: 'all' });
}

/** A prefix shorter than this names a session by accident too easily. */
export const SHORTEST_ID_PREFIX = 8;

/**
 * Understands the selecting options.
 * @param defaultState what `--state` means when it is not given: `active` to look, `all` to revoke
 * @throws InvalidValueError for an empty or meaningless value, naming the option
 */
export function parseSelection(words: SelectionWords, defaultState: StateChoice): SelectionRequest {
  return {
    users: texts('--user', words.user),
    ips: addresses('--ip', words.ip),
    userAgents: texts('--user-agent', words.userAgent),
    createdAfter: moment('--created-after', words.createdAfter, parsePastMoment),
    createdBefore: moment('--created-before', words.createdBefore),
    activeAfter: moment('--active-after', words.activeAfter, parsePastMoment),
    idleSince: moment('--idle-since', words.idleSince),
    expiresBefore: moment('--expires-before', words.expiresBefore),
    expiresAfter: moment('--expires-after', words.expiresAfter),
    impersonated: words.impersonated ?? false,
    impersonators: texts('--impersonated-by', words.impersonatedBy),
    state: words.state === undefined ? defaultState : parseState(words.state),
    exceptUsers: texts('--except-user', words.exceptUser),
    exceptSessions: texts('--except-session', words.exceptSession),
    exceptIps: addresses('--except-ip', words.exceptIp),
  };
}

/**
 * Finds the users and sessions that the request names, and fixes its moments by the store's clock.
 * @param ipv6Subnet the bits of an IPv6 address that the application stores: narrower networks are widened to it
 * @throws NotFoundError for a user or session that does not exist: a misspelt name never becomes an empty filter
 * @throws InvalidValueError where a name is ambiguous, or two limits leave no moment between them
 * @throws SchemaError where the store lacks a column that an option needs
 * @throws MissingSettingError where it takes `expires_in` to tell who is active
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

/** The moments of a selection, of which lengths back from now move with the clock. */
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
 * The one session that an id, or a unique prefix of at least eight characters, names. The rest of the id may be anything:
 * whoever acts on it says what the text was taken for.
 * @param unknownHint what to do where there is none
 * @throws NotFoundError where there is none
 * @throws InvalidValueError where a prefix is too short or fits several
 */
export async function resolveSessionId(
  id: string,
  store: SessionStore,
  unknownHint = 'It may have ended. `sessionctl list --state all` shows ids, those of expired sessions too.',
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
      'Give more of the id.',
    );
  }
  return first;
}

/** Whether the text is the token of a session, or a cookie that holds one: it must not be shown to anybody. */
export async function isCredential(text: string, store: SessionStore): Promise<boolean> {
  return (await areCredentials([text], store))[0] === true;
}

/** `isCredential` of many texts, with one question to the store. */
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
    `a token was given in place of ${instead}`,
    'It is not shown here, but may be in the history of your shell. `sessionctl revoke --token-stdin` ends its session.',
  );
}

/** How many values one option takes: a server compares each with every session. */
const MOST_VALUES = 5000;

function texts(option: string, values: readonly string[] = []): readonly string[] {
  if (values.length > MOST_VALUES) {
    throw new InvalidValueError(
      `${option} was given ${String(values.length)} times; the most is ${String(MOST_VALUES)}`,
      option.startsWith('--except')
        ? 'Give fewer values. Do not split the list over several runs: each would end what the others except.'
        : 'Give fewer values, or split the list over several runs.',
    );
  }
  for (const value of values) {
    if (value.trim() === '')
      throw new InvalidValueError(
        `${option} was given an empty value`,
        'Leave the option out, or name what is meant.',
      );
  }
  return values;
}

function addresses(option: string, values: readonly string[] | undefined): readonly AddressRange[] {
  return texts(option, values).map((value) => named(option, () => parseAddressRange(value)));
}

function moment(option: string, value: string | undefined, parse = parseMoment): Moment | null {
  return value === undefined ? null : named(option, () => parse(value));
}

function parseState(value: string): StateChoice {
  const choice = stateChoices.find((known) => known === value);
  if (choice === undefined)
    throw new InvalidValueError(
      `--state: ${shownValue(value)} is not a state`,
      suggestion(value, stateChoices),
    );
  return choice;
}

/** Runs a parser and puts the option's name before its complaint. */
function named<Value>(option: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InvalidValueError)
      throw new InvalidValueError(`${option}: ${error.message}`, error.hint);
    throw error;
  }
}

async function userIds(
  option: string,
  names: readonly string[],
  store: SessionStore,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const name of names) {
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
 * Refuses what no session could be. Read as "nothing matches", a slip of the keyboard would pass for a clean result.
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
      `${after} and ${before} leave no moment between them`,
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
    throw new InvalidValueError(`${except} takes away all that ${option} selects`, 'Leave one of them out.');
  }
}
