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

/** The typed options, parsed as far as possible without a store. */
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
 * The selected sessions. Different conditions narrow, several values of one widen; an empty list is a condition that
 * was not given. "After" and "before" both exclude the moment itself.
 */
export interface Selection {
  /** Null selects by no id; an empty list selects nothing. */
  readonly sessionIds: readonly string[] | null;
  readonly userIds: readonly string[];
  /** An unreadable address lies in none of them, and in all of `exceptIps`. */
  readonly ips: readonly AddressRange[];
  /** Only the sessions that `ips` and `exceptIps` leave alone since their address is unreadable. */
  readonly unclearAddress: boolean;
  /** Each a literal part of the user agent, matched without regard to case. */
  readonly userAgents: readonly string[];
  readonly createdAfter: Instant | null;
  readonly createdBefore: Instant | null;
  /** By activity: see `activityOf`. */
  readonly updatedAfter: Instant | null;
  readonly updatedBefore: Instant | null;
  /**
   * Milliseconds. Activity is the later of `updatedAt` and `expiresAt - expiresIn`; null compares `updatedAt` alone.
   */
  readonly expiresIn: number | null;
  readonly expiresBefore: Instant | null;
  readonly expiresAfter: Instant | null;
  readonly impersonated: boolean;
  /** Administrators who opened the sessions in another user's name. */
  readonly impersonatorIds: readonly string[];
  /**
   * Only sessions that existed at this moment, not later sign-ins. A session without a readable creation time counts as
   * existing.
   */
  readonly presentAt: Instant | null;
  /** Only sessions that had not expired by this moment; one with an unreadable expiry has not. */
  readonly aliveAt: Instant | null;
  /** Only sessions that had certainly expired by this moment, even if a wall clock was set back. */
  readonly surelyExpiredAt: Instant | null;
  /**
   * Only active sessions beyond this many newest active ones of their user. The newest are those that began last; of
   * two that began at once, the id decides. All active sessions of the user count, regardless of the rest of the
   * selection, except those that came after `presentAt` and those without a creation time. Those are never beyond the
   * limit either.
   */
  readonly keepNewest: number | null;
  readonly state: StateChoice;
  readonly exceptUserIds: readonly string[];
  readonly exceptSessionIds: readonly string[];
  readonly exceptIps: readonly AddressRange[];
}

/**
 * Every session. Spread it to build a selection. By itself it is the result that a forgotten selector must never have.
 */
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

/** Whether times decide what is selected, so that a wrong clock or zone selects other sessions. */
export function comparesTimes(selection: Selection): boolean {
  const { createdAfter, createdBefore, updatedAfter, updatedBefore, expiresBefore, expiresAfter } = selection;
  const limits = [createdAfter, createdBefore, updatedAfter, updatedBefore, expiresBefore, expiresAfter];
  return selection.state !== 'all' || limits.some((limit) => limit !== null);
}

/** Whether a selection compares nothing but these. */
export function comparesOnly(selection: Selection, names: ReadonlySet<keyof Selection>): boolean {
  return (Object.keys(everySession) as readonly (keyof Selection)[]).every((name) => {
    const value: unknown = selection[name];
    // An empty list is a condition that was not given, except for ids: there it selects nothing.
    const isEmpty = name !== 'sessionIds' && Array.isArray(value) && value.length === 0;
    return isEmpty || value === everySession[name] || names.has(name);
  });
}

const WHOLE_USERS = new Set(['userIds', 'exceptUserIds'] as const);

/** Whether the selection takes all sessions of the selected users, or of all users. */
export function takesWholeUsers(selection: Selection): boolean {
  return comparesOnly(selection, WHOLE_USERS);
}

/** Whether an unreadable time may keep a meant session from being selected. */
export function dependsOnTimes(selection: Selection): boolean {
  const { surelyExpiredAt, keepNewest } = selection;
  return surelyExpiredAt !== null || keepNewest !== null || comparesTimes({ ...selection, state: 'all' });
}
