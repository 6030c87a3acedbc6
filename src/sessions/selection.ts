import { type AddressRange } from './address.ts';
import type { Instant } from './instant.ts';
import { type Moment } from './moment.ts';

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
