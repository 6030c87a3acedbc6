import { createHash } from 'node:crypto';
import { activityOf } from '../../sessions/activity.ts';
import { toInstant, type Instant } from '../../sessions/instant.ts';
import type { Session } from '../../sessions/session.ts';
import { isFields, unwrapped, type Fields } from './read-value.ts';

/** A session in secondary storage. */
export interface CachedSession {
  /** The credential itself, and the key without its prefix. Never shown. */
  readonly token: string;
  /** Whether the value itself, or the row, gives the session's id. */
  readonly named: boolean;
  /**
   * False if the value is unreadable. Then the fields come from its row, its user's list and the lifetime of its key.
   */
  readonly readable: boolean;
  /** Its user's mark by Better Auth says that it has ended, even if it is still stored. */
  readonly shutOut?: boolean;
  readonly session: Omit<Session, 'store' | 'tokenFingerprint'>;
}

/**
 * Reads a value of secondary storage: `{"session":{…},"user":{…}}`, dates as ISO text (better-auth 1.7.25,
 * `db/internal-adapter`, createSession and updateSession), or that in a wrapper of the application's adapter. Other
 * applications and deployments keep values in the same Redis, so a value is a session of this deployment only if it
 * contains the same token as its key.
 * @param token the key without the deployment's prefix
 * @param now a session with an earlier expiry has expired
 * @param expiresIn see `activityOf`
 * @param withUser false reads only the id of the session's user, in half of the time
 * @returns null for anything else than a session
 */
export function readCachedSession(
  token: string,
  value: string,
  now: Instant,
  expiresIn: number | null,
  withUser: boolean,
): CachedSession | null {
  const { session, user } = (withUser ? null : sessionAlone(value)) ?? unwrapped(value, holdsSession) ?? {};
  if (!isFields(session) || session['token'] !== token) return null;
  const userId = keyText(session['userId']);
  if (userId === null) return null;
  const ofUser = isFields(user) ? user : {};
  const times = {
    createdAt: moment(session['createdAt']),
    updatedAt: moment(session['updatedAt']),
    expiresAt: moment(session['expiresAt']),
  };
  const unreadableTimes = (['createdAt', 'updatedAt', 'expiresAt'] as const).filter(
    (field) => times[field] === null && session[field] !== null,
  );
  const id = keyText(session['id']);
  return {
    token,
    named: id !== null,
    readable: true,
    session: {
      // Up to 1.5 Better Auth gives no id to sessions that are only in secondary storage.
      id: id ?? fingerprintOf(token),
      userId,
      userEmail: text(ofUser['email']),
      userName: text(ofUser['name']),
      state: lives(times.expiresAt, session['expiresAt'], now) ? 'active' : 'expired',
      ...times,
      lastActiveAt: activityOf(times, expiresIn),
      ...(unreadableTimes.length === 0 ? {} : { unreadableTimes }),
      ipAddress: text(session['ipAddress']),
      userAgent: text(session['userAgent']),
      impersonatedBy: keyText(session['impersonatedBy']),
      activeOrganizationId: keyText(session['activeOrganizationId']),
    },
  };
}

/**
 * Better Auth writes the user after the session. If the part before the user is not valid JSON by itself, the whole
 * value is parsed.
 */
function sessionAlone(value: string): Fields | null {
  const end = value.startsWith('{"session":') ? value.lastIndexOf('},"user":') : -1;
  if (end < 0) return null;
  const alone = json(`${value.slice(0, end)}}}`);
  return holdsSession(alone) ? alone : null;
}

function holdsSession(value: unknown): value is Fields {
  return isFields(value) && isFields(value['session']);
}

/** The known facts about a session with an unreadable value. */
export interface UnreadSession {
  readonly token: string;
  /** Null where it has no row. */
  readonly row: Session | null;
  /** The user whose list names it; null where none does. */
  readonly userId: string | null;
  /** When its key expires; null where it stays. */
  readonly goesAt: Instant | null;
  /** See `activityOf`. */
  readonly expiresIn: number | null;
}

/** A session whose key in Redis has an unreadable value. While the key exists, Better Auth may accept the session. */
export function unreadSession({ token, row, userId, goesAt, expiresIn }: UnreadSession): CachedSession {
  const nothing = {
    userEmail: null,
    userName: null,
    createdAt: null,
    updatedAt: null,
    ipAddress: null,
    userAgent: null,
    impersonatedBy: null,
    activeOrganizationId: null,
  };
  // Even if the row says otherwise, for example because it is a record, the session exists while its key exists.
  const expiresAt = goesAt === null || (row?.expiresAt ?? '') < goesAt ? goesAt : (row?.expiresAt ?? null);
  const lastActiveAt = activityOf({ updatedAt: row?.updatedAt ?? null, expiresAt }, expiresIn);
  const known = row ?? { ...nothing, id: fingerprintOf(token), userId };
  return {
    token,
    named: row !== null,
    readable: false,
    session: { ...nothing, ...known, state: 'active', expiresAt, lastActiveAt },
  };
}

/** The first 12 hexadecimal digits of the token's SHA-256. */
export function fingerprintOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12);
}

/** A token that an index names, with its expiry in milliseconds since 1970 and any further fields. */
export interface IndexEntry {
  readonly token: string;
  readonly expiresAt: number;
}

/** The value of `active-sessions-<userId>` in the form that Better Auth writes; null for anything else. */
export function readIndex(value: string): readonly IndexEntry[] | null {
  const list = json(value);
  return isList(list) ? list : null;
}

/** Like `readIndex`, but also in a wrapper of the application's adapter, which sessionctl reads and does not write. */
export function readWrappedIndex(value: string): readonly IndexEntry[] | null {
  return unwrapped(value, isList) ?? null;
}

function isList(value: unknown): value is readonly IndexEntry[] {
  return Array.isArray(value) && value.every(isEntry);
}

function isEntry(entry: unknown): entry is IndexEntry {
  return isFields(entry) && typeof entry['token'] === 'string' && typeof entry['expiresAt'] === 'number';
}

function json(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function keyText(value: unknown): string | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

/**
 * Judges like Better Auth: a missing value or one that is no date becomes an invalid date, which is never before the
 * present; null is 1970.
 */
function lives(expiresAt: Instant | null, value: unknown, now: Instant): boolean {
  return expiresAt === null ? value !== null && !isPast(value) : expiresAt >= now;
}

/** A date before the year 1. */
function isPast(value: unknown): boolean {
  return (typeof value === 'string' || typeof value === 'number') && new Date(value).getTime() < FIRST;
}

/** The form in which JSON writes a `Date`. Others are read by `new Date`, as in Better Auth. */
const ISO = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const FIRST = Date.parse('0001-01-01T00:00:00.000Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');

function moment(value: unknown): Instant | null {
  if (typeof value === 'string' && ISO.test(value)) return value as Instant;
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const milliseconds = new Date(value).getTime();
  return milliseconds >= FIRST && milliseconds <= LAST ? toInstant(milliseconds) : null;
}
