import { millisecondsOf, type Instant } from '../sessions/instant.ts';
import type { Session, SessionPlace } from '../sessions/session.ts';
import { counted } from './counted.ts';
import { deviceOf } from './device.ts';
import { terminalText } from './fit-text.ts';
import { labelledLines } from './labelled-lines.ts';
import { relativeTime } from './relative-time.ts';
import { sessionFieldsJson } from './session-json.ts';
import { shortAddress } from './short-address.ts';
import { jsonString } from './json-text.ts';
import type { Styles, Terminal } from './styles.ts';

/** What `show` knows of a session beyond its own row. */
export interface SessionDetails {
  readonly session: Session;
  /** Null where no request refreshes it. */
  readonly refreshDueAt: Instant | null;
  readonly otherActiveSessions: number;
  /** The e-mail address of the administrator behind an impersonation, by the id, where one is known. */
  readonly emails: ReadonlyMap<string, string>;
}

/** The session object of the contract with `activeOrganizationId`, `refreshDueAt` and `otherActiveSessions`. */
export function sessionDetailsJson({ session, refreshDueAt, otherActiveSessions }: SessionDetails): string {
  const fields = [
    sessionFieldsJson(session),
    `"activeOrganizationId":${jsonString(session.activeOrganizationId)}`,
    `"refreshDueAt":${jsonString(refreshDueAt)}`,
    `"otherActiveSessions":${String(otherActiveSessions)}`,
  ];
  return `{${fields.join(',')}}\n`;
}

const places: Readonly<Record<SessionPlace, string>> = {
  database: 'database',
  secondary: 'secondary storage (Redis)',
  both: 'database and secondary storage (Redis)',
};

/** The details as aligned `label  value` lines. */
export function sessionDetailsText(
  details: SessionDetails,
  now: Instant,
  terminal: Terminal,
  styles: Styles,
): string {
  const { session, otherActiveSessions } = details;
  const active = session.state === 'active';
  const text = (value: string | null) => (value === null ? null : terminalText(value));
  const time = (instant: Instant | null) =>
    instant === null ? null : `${instant} (${relativeTime(instant, now)})`;
  const lines = [
    { label: 'id', value: text(session.id), style: styles.bold },
    { label: 'user', value: terminalText(userOf(session)) },
    { label: 'user id', value: text(session.userId) },
    { label: 'state', value: stateOf(session, now), style: active ? styles.green : styles.dim },
    { label: 'created', value: time(session.createdAt) },
    { label: 'last active', value: time(session.updatedAt) },
    { label: 'expires', value: time(session.expiresAt) },
    { label: 'due for refresh', value: refreshOf(details, now) },
    { label: 'IP', value: text(shortAddress(session.ipAddress)) },
    { label: 'device', value: deviceOf(session.userAgent) },
    { label: 'user agent', value: text(session.userAgent) },
    { label: 'impersonated by', value: text(impersonatorOf(details)) },
    { label: 'active organization', value: text(session.activeOrganizationId) },
    { label: 'stands in', value: places[session.store] },
    { label: 'token fingerprint', value: text(session.tokenFingerprint) },
    {
      label: 'same user',
      value:
        otherActiveSessions === 0
          ? 'no other active session'
          : counted(otherActiveSessions, 'other active session'),
    },
  ];
  return labelledLines(lines, terminal, styles);
}

function impersonatorOf({ session: { impersonatedBy }, emails }: SessionDetails): string | null {
  const email = impersonatedBy === null ? undefined : emails.get(impersonatedBy);
  return email === undefined ? impersonatedBy : `${email} (${String(impersonatedBy)})`;
}

function userOf({ userName, userEmail }: Session): string {
  if (userEmail === null) return userName ?? '';
  return userName === null || userName === '' ? userEmail : `${userName} <${userEmail}>`;
}

function stateOf({ state, expiresAt }: Session, now: Instant): string {
  if (expiresAt === null) return state;
  const difference = relativeTime(expiresAt, now);
  if (state === 'expired') return `expired ${difference}`;
  return `active, ${difference.replace(/^in /, '')} left`;
}

function refreshOf({ session, refreshDueAt }: SessionDetails, now: Instant): string {
  if (session.state === 'expired') return 'no, it has expired';
  if (refreshDueAt === null) {
    return 'unknown: it was given less than expires_in, as without "remember me", or expires_in is not configured';
  }
  if (millisecondsOf(refreshDueAt) <= millisecondsOf(now))
    return `at its next request (since ${refreshDueAt})`;
  return `${refreshDueAt} (${relativeTime(refreshDueAt, now)})`;
}
