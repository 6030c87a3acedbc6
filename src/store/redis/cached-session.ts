import { createHash } from 'node:crypto';
import { toInstant, type Instant } from '../../sessions/instant.ts';
import type { Session } from '../../sessions/session.ts';

/** A session as secondary storage holds it. */
export interface CachedSession {
  /** The credential itself, and the key without its prefix. Never shown. */
  readonly token: string;
  /** Whether the value itself says the session's id. */
  readonly named: boolean;
  readonly session: Omit<Session, 'store' | 'tokenFingerprint'>;
}

/**
 * Reads a value of secondary storage: `{"session":{…},"user":{…}}`, dates as ISO text (better-auth 1.7.25,
 * `db/internal-adapter`, createSession and updateSession). Other applications and other deployments keep values in the
 * same Redis, so it is a session of this deployment only where it names the very token that its key consists of.
 * @param token the key without the deployment's prefix
 * @param now what expires before it is expired
 * @param withUser false leaves out whose session it is but for the id, and takes half of the time
 * @returns null for anything else than a session
 */
export function readCachedSession(
  token: string,
  value: string,
  now: Instant,
  withUser: boolean,
): CachedSession | null {
  // Counters and verifications have no braces, or no session in them: those are most of what is not one.
  if (!value.startsWith('{') || !value.includes('"session"')) return null;
  const { session, user } = (withUser ? null : sessionAlone(value)) ?? parsed(value) ?? {};
  if (!isObject(session) || session['token'] !== token) return null;
  const userId = keyText(session['userId']);
  if (userId === null) return null;
  const ofUser = isObject(user) ? user : {};
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
    session: {
      // Up to 1.5 Better Auth gives none to what stands in secondary storage alone.
      id: id ?? fingerprintOf(token),
      userId,
      userEmail: text(ofUser['email']),
      userName: text(ofUser['name']),
      state: lives(times.expiresAt, session['expiresAt'], now) ? 'active' : 'expired',
      ...times,
      ...(unreadableTimes.length === 0 ? {} : { unreadableTimes }),
      ipAddress: text(session['ipAddress']),
      userAgent: text(session['userAgent']),
      impersonatedBy: keyText(session['impersonatedBy']),
      activeOrganizationId: keyText(session['activeOrganizationId']),
    },
  };
}

/** Better Auth writes the user behind the session. Where what stands before it is no JSON by itself, all of it is read. */
function sessionAlone(value: string): Readonly<Record<string, unknown>> | null {
  const end = value.lastIndexOf('},"user":');
  return end < 0 ? null : parsed(`${value.slice(0, end)}}}`);
}

/** The first 12 hexadecimal digits of the token's SHA-256. */
export function fingerprintOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12);
}

/** A token that an index names, with its expiry in milliseconds since 1970, and whatever else stands there. */
export interface IndexEntry {
  readonly token: string;
  readonly expiresAt: number;
}

/** The value of `active-sessions-<userId>`; null where it is none. */
export function readIndex(value: string): readonly IndexEntry[] | null {
  const list: unknown = json(value);
  return Array.isArray(list) && list.every(isEntry) ? list : null;
}

function isEntry(entry: unknown): entry is IndexEntry {
  return isObject(entry) && typeof entry['token'] === 'string' && typeof entry['expiresAt'] === 'number';
}

function parsed(value: string): Readonly<Record<string, unknown>> | null {
  const found = json(value);
  return isObject(found) ? found : null;
}

function json(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function keyText(value: unknown): string | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

/**
 * As Better Auth judges: what is no date, and what is missing, becomes an invalid one, which is never before the present;
 * null is 1970.
 */
function lives(expiresAt: Instant | null, value: unknown, now: Instant): boolean {
  return expiresAt === null ? value !== null && !isPast(value) : expiresAt >= now;
}

/** A date before the year 1. */
function isPast(value: unknown): boolean {
  return (typeof value === 'string' || typeof value === 'number') && new Date(value).getTime() < FIRST;
}

/** The form in which JSON writes a `Date`; others are read as `new Date` does, as Better Auth would. */
const ISO = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const FIRST = Date.parse('0001-01-01T00:00:00.000Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');

function moment(value: unknown): Instant | null {
  if (typeof value === 'string' && ISO.test(value)) return value as Instant;
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const milliseconds = new Date(value).getTime();
  return milliseconds >= FIRST && milliseconds <= LAST ? toInstant(milliseconds) : null;
}
