import { formatDuration } from '../sessions/duration.ts';
import { millisecondsOf, type Instant } from '../sessions/instant.ts';
import type { Session, SessionPlace } from '../sessions/session.ts';
import { disagreements, type Standing } from '../sessions/standing.ts';
import { counted } from './counted.ts';
import { deviceOf } from './device.ts';
import { labelledLines } from './labelled-lines.ts';
import { relativeTime } from './relative-time.ts';
import { isUnreadable, UNREADABLE, type ShownTime } from './unreadable.ts';
import { sessionFieldsJson } from './session-json.ts';
import { shortAddress } from './short-address.ts';
import { jsonString, jsonText } from './json-text.ts';
import type { Styles, Terminal } from './styles.ts';
import { fullNameOf } from './user-of.ts';

/** What `show` knows of a session besides its own row. */
interface SessionDetails {
  readonly session: Session;
  /** Null where no request refreshes it. */
  readonly refreshDueAt: Instant | null;
  /** The application refreshes no session. */
  readonly disableRefresh: boolean;
  /** Only a POST to get-session refreshes one. */
  readonly deferRefresh: boolean;
  /** Milliseconds, as configured. */
  readonly expiresIn: number;
  /** Null for ever. */
  readonly freshUntil: Instant | null;
  readonly otherActiveSessions: number;
  /** Live tokens of the OAuth provider that are bound to it; null where the deployment has none. */
  readonly oauthTokens: { readonly bound: number; readonly offline: number } | null;
  /** Active sessions in which its user impersonates others: how many, and some of them. */
  readonly impersonating: { readonly count: number; readonly some: readonly Session[] };
  /** What each store holds of it. */
  readonly standing: Standing;
  /** The e-mail address of the administrator behind an impersonation, by the id, where one is known. */
  readonly emails: ReadonlyMap<string, string>;
}

/** The session object of the contract, with the fields that `show` adds. */
export function sessionDetailsJson(details: SessionDetails, now: Instant): string {
  const { session, refreshDueAt, otherActiveSessions, oauthTokens, impersonating, standing } = details;
  const copy = (found: Session | null | undefined) =>
    found === null || found === undefined
      ? null
      : { id: found.id, userId: found.userId, state: found.state, expiresAt: found.expiresAt };
  const differences = disagreements(standing);
  const fields = [
    sessionFieldsJson(session),
    `"activeOrganizationId":${jsonString(session.activeOrganizationId)}`,
    `"refreshDueAt":${jsonString(refreshDueAt)}`,
    `"otherActiveSessions":${String(otherActiveSessions)}`,
    `"remainingMs":${String(remainingMs(session, now))}`,
    `"fresh":${String(isFresh(details, now))}`,
    `"freshUntil":${jsonString(details.freshUntil)}`,
    `"oauthTokens":${jsonText(oauthTokens)}`,
    `"impersonating":${jsonText({
      count: impersonating.count,
      sessions: impersonating.some.map(({ id, userId, userEmail }) => ({ id, userId, userEmail })),
    })}`,
    `"stores":${jsonText({
      database: copy(standing.row),
      secondary: copy(standing.cached?.session),
      agree: differences === null ? null : differences.length === 0,
      differences: differences ?? [],
    })}`,
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
  const time = (field: ShownTime) => {
    const instant = session[field];
    if (instant === null) return isUnreadable(session, field) ? UNREADABLE : null;
    return `${instant} (${relativeTime(instant, now)})`;
  };
  const lines = [
    { label: 'id', value: session.id, style: styles.bold },
    { label: 'user', value: fullNameOf({ email: session.userEmail, name: session.userName }) },
    { label: 'user id', value: session.userId },
    { label: 'state', value: stateOf(session, now), style: active ? styles.green : styles.dim },
    { label: 'created', value: time('createdAt') },
    { label: 'last active', value: time('lastActiveAt') },
    { label: 'expires', value: time('expiresAt') },
    { label: 'due for refresh', value: refreshOf(details, now) },
    { label: 'fresh', value: freshText(details, now) },
    { label: 'IP', value: shortAddress(session.ipAddress) },
    { label: 'device', value: deviceOf(session.userAgent) },
    { label: 'user agent', value: session.userAgent },
    { label: 'impersonated by', value: impersonatorOf(details) },
    { label: 'impersonates', value: impersonatingOf(details) },
    { label: 'active organization', value: session.activeOrganizationId },
    { label: 'OAuth tokens', value: tokensOf(details) },
    { label: 'stored in', value: places[session.store] },
    ...agreementOf(details, styles),
    { label: 'token fingerprint', value: session.tokenFingerprint },
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

function impersonatingOf({ impersonating: { count, some } }: SessionDetails): string {
  if (count === 0) return 'no one';
  const named = some.map(({ id, userEmail, userId }) => `${userEmail ?? String(userId)} (session ${id})`);
  const more = count - some.length;
  return `${named.join(', ')}${more > 0 ? ` and ${counted(more, 'more session')}` : ''}`;
}

function tokensOf({ oauthTokens }: SessionDetails): string | null {
  if (oauthTokens === null) return null;
  const { bound, offline } = oauthTokens;
  if (bound + offline === 0) return 'none';
  const outlive =
    offline === 0 ? '' : `${bound === 0 ? '' : ', '}${String(offline)} with offline_access that outlive it`;
  return `${bound === 0 ? '' : `${String(bound)} that end with it`}${outlive}`;
}

/** Only where it may be in two stores. */
function agreementOf({ standing }: SessionDetails, styles: Styles) {
  const differences = disagreements(standing);
  if (differences === null) return [];
  const agrees = differences.length === 0;
  const value = agrees ? 'yes' : `no: ${differences.join('; ')}`;
  return [{ label: 'stores agree', value, style: agrees ? styles.green : styles.yellow }];
}

/** Null where the expiry cannot be read. */
function remainingMs({ state, expiresAt }: Session, now: Instant): number | null {
  if (state === 'expired') return 0;
  return expiresAt === null ? null : millisecondsOf(expiresAt) - millisecondsOf(now);
}

/** As Better Auth decides: from that moment on it is not fresh. */
function isFresh({ session, freshUntil }: SessionDetails, now: Instant): boolean {
  if (session.state === 'expired' || session.createdAt === null) return false;
  return freshUntil === null || now < freshUntil;
}

function freshText(details: SessionDetails, now: Instant): string {
  const { session, freshUntil } = details;
  if (session.state === 'expired') return 'no, it has expired';
  if (session.createdAt === null) return 'no, its creation time is not known';
  if (freshUntil === null) return 'always, as fresh_age is configured';
  const when = `${freshUntil} (${relativeTime(freshUntil, now)})`;
  return isFresh(details, now) ? `yes, until ${when}` : `no, since ${when}`;
}

function stateOf({ state, expiresAt }: Session, now: Instant): string {
  if (expiresAt === null)
    return state === 'active' ? 'active: its expiry is not a date, and Better Auth accepts it' : state;
  const difference = relativeTime(expiresAt, now);
  if (state === 'expired') return `expired ${difference}`;
  return `active, ${difference.replace(/^in /, '')} left`;
}

function refreshOf(
  { session, refreshDueAt, expiresIn, disableRefresh, deferRefresh }: SessionDetails,
  now: Instant,
): string {
  if (session.state === 'expired') return 'no, it has expired';
  if (disableRefresh) return 'no, the application refreshes no session';
  if (refreshDueAt === null) {
    return session.impersonatedBy === null
      ? `no, its lifetime is shorter than expires_in (${formatDuration(expiresIn)}), as without "remember me"; if the application has another expiresIn, set expires_in`
      : 'no, an impersonation is never refreshed';
  }
  if (millisecondsOf(refreshDueAt) <= millisecondsOf(now))
    return `at its next ${deferRefresh ? 'POST to get-session' : 'request'} (since ${refreshDueAt})`;
  return `${refreshDueAt} (${relativeTime(refreshDueAt, now)})`;
}
