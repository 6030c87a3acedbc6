import { millisecondsOf, type Instant } from '../sessions/instant.ts';
import type { CacheState } from '../sessions/cookie-cache.ts';
import { livesOn, type SignatureState, type VerifiedCache, type Verified } from '../sessions/verify.ts';
import { jsonLine } from './json-text.ts';
import { labelledLines } from './labelled-lines.ts';
import { relativeTime } from './relative-time.ts';
import type { Styles, Terminal } from './styles.ts';
import { nameWithId } from './user-of.ts';

/** One of several that were verified, and its place in the paste. */
interface PlacedVerified {
  readonly place: string;
  readonly verified: Verified;
}

/** What was verified, as one object. The token is not in it. */
export function verifiedJson(verified: Verified): string {
  return jsonLine(fieldsOf(verified));
}

/** The same of several, as one array. */
export function verdictsJson(verdicts: readonly PlacedVerified[]): string {
  return jsonLine(verdicts.map(({ place, verified }) => ({ place, ...fieldsOf(verified) })));
}

function fieldsOf(verified: Verified) {
  const { session, cache } = verified;
  return {
    valid: verified.valid,
    reason: verified.reason,
    answeredBy: verified.answeredBy,
    signature: verified.signature,
    stored: verified.stored,
    sessionId: session?.id ?? null,
    userId: session?.userId ?? null,
    userEmail: session?.userEmail ?? null,
    userName: session?.userName ?? null,
    userExists: verified.userExists,
    userBanned: verified.userBanned,
    createdAt: session?.createdAt ?? null,
    expiresAt: session?.expiresAt ?? null,
    impersonatedBy: session?.impersonatedBy ?? null,
    tokenFingerprint: verified.tokenFingerprint,
    cache:
      cache === null
        ? null
        : {
            state: cache.state,
            enabled: cache.enabled,
            signatureChecked: cache.signatureChecked,
            madeAt: cache.madeAt,
            until: cache.until,
            version: cache.version,
            staleIn: cache.staleIn,
          },
  };
}

interface Style {
  /** The name of the application's session cookie; null where it is not known. */
  readonly cookieName: string | null;
  readonly terminal: Terminal;
  readonly styles: Styles;
}

/** One line for each, and a line that counts them. @param asksIfEnded counts those that may still be in use */
export function verdictsText(
  verdicts: readonly PlacedVerified[],
  now: Instant,
  { cookieName, terminal, styles, asksIfEnded }: Style & { readonly asksIfEnded: boolean },
): string {
  const lines = verdicts.map(({ place, verified }) => {
    const { session, tokenFingerprint } = verified;
    const who = session === null ? null : `session ${session.id}, ${userOf(verified) ?? '-'}`;
    const facts = [tokenFingerprint === null ? null : `token ${tokenFingerprint}`, who].filter(
      (fact) => fact !== null,
    );
    const about = facts.length === 0 ? '' : ` (${facts.join(', ')})`;
    const sentence = `${verdictOf(verified)} ${sentenceOf(verified, now, cookieName)}`;
    return { label: place, value: sentence + about, style: colourOf(verified, styles) };
  });
  const valid = verdicts.filter(({ verified }) => verified.valid).length;
  const malformed = verdicts.filter(({ verified }) => isMalformed(verified)).length;
  const other = verdicts.length - valid - malformed;
  const living = verdicts.filter(({ verified }) => livesOn(verified)).length;
  if (asksIfEnded && living > 0)
    return `${labelledLines(lines, terminal, styles)}${String(living)} of ${String(lines.length)} may still be in use\n`;
  const total = `${String(valid)} valid, ${String(other)} not valid, ${String(malformed)} malformed\n`;
  return labelledLines(lines, terminal, styles) + total;
}

/** It holds not even a token. */
function isMalformed({ reason, stored }: Verified): boolean {
  return reason === 'malformed' && stored === null;
}

function verdictOf(verified: Verified): string {
  return isMalformed(verified) ? 'malformed' : verified.valid ? 'valid' : 'not valid';
}

function colourOf({ valid, reason }: Verified, styles: Styles): (text: string) => string {
  return valid ? (reason === 'cached' ? styles.yellow : styles.green) : styles.red;
}

/** The verdict on one line, and what is known of the session below it. */
export function verifiedText(
  verified: Verified,
  now: Instant,
  { cookieName, terminal, styles }: Style,
): string {
  const { session, tokenFingerprint, cache } = verified;
  const time = (instant: Instant | null) =>
    instant === null ? null : `${instant} (${relativeTime(instant, now)})`;
  const lines = [
    {
      label: verdictOf(verified),
      value: sentenceOf(verified, now, cookieName),
      style: colourOf(verified, styles),
    },
    ...(session === null
      ? []
      : [
          { label: 'session', value: session.id },
          { label: 'user', value: userOf(verified) },
          { label: 'created', value: time(session.createdAt) },
          { label: 'expires', value: time(session.expiresAt) },
          ...(session.impersonatedBy === null
            ? []
            : [{ label: 'impersonated by', value: session.impersonatedBy }]),
        ]),
    ...(tokenFingerprint === null ? [] : [{ label: 'token fingerprint', value: tokenFingerprint }]),
    { label: 'signature', value: SIGNATURES[verified.signature] },
    ...(cache === null ? [] : [{ label: 'cached copy', value: cacheText(cache, now) }]),
  ];
  return labelledLines(lines, terminal, styles);
}

const SIGNATURES: Readonly<Record<SignatureState, string>> = {
  valid: 'by the configured secret',
  bad: 'by another secret, or of another token',
  'former-secret': 'by a former secret',
  malformed: 'damaged: its end is missing, or it is URL-encoded once too often',
  absent: 'none',
  unchecked: 'not checked: no secret is configured',
};

function sentenceOf(verified: Verified, now: Instant, cookieName: string | null): string {
  const { reason, session, stored, answeredBy, cache } = verified;
  const until = (instant: Instant | null | undefined) =>
    instant === null || instant === undefined ? '' : ` until ${instant} (${relativeTime(instant, now)})`;
  const alive = stored === 'live' ? '; the session of this token is still live' : '';
  switch (reason) {
    case 'live':
      return `Better Auth answers with this session${until(session?.expiresAt)}, ${ANSWERED[answeredBy ?? 'database']}`;
    case 'cached':
      return `for now (cached): the session has ended (${String(stored)}), and the copy in the cookie still answers${until(cache?.until)}`;
    case 'no-token':
      return `(${reason}): the session cookie is missing, and a cached copy alone is not enough`;
    case 'unsigned':
      return `(${reason}): Better Auth accepts a cookie only with its signature${
        stored === 'live'
          ? '; the session of this token is live, and an application with the bearer plugin accepts it as it is'
          : stored === 'unknown'
            ? '; no session has this token'
            : ''
      }`;
    case 'malformed':
      if (stored === null) return 'this is not a token or cookie that sessionctl recognises';
      return `(${reason}): the signature is damaged${alive}`;
    case 'bad-signature':
      return `(${reason}): the signature is not that of the configured secret${alive}`;
    case 'former-secret':
      return `(${reason}): it is signed with a former secret, and Better Auth checks cookies only with the current one${alive}`;
    case 'other-cookie':
      return `(${reason}): the application reads only the cookie ${cookieName ?? ''}${alive}`;
    case 'unknown':
      return `(${reason}): no session has this token`;
    case 'expired':
      return `(${reason}): it has expired${session?.expiresAt === null || session === null ? '' : ` ${relativeTime(session.expiresAt, now)}`}`;
    case 'revoked':
      return `(${reason}): it was revoked with all other sessions of its user`;
    case 'ended':
      return `(${reason}): it has ended, and the database keeps its record`;
    case 'user-gone':
      return `(${reason}): its user no longer exists`;
    case 'unreadable':
      return `(${reason}): it is not known whether Better Auth accepts it. Redis holds a value under this token that sessionctl cannot read; "revoke --token-stdin" deletes it`;
    default:
      return reason satisfies never;
  }
}

const ANSWERED = {
  cache: 'from the copy in the cookie',
  secondary: 'from secondary storage',
  database: 'from the database',
} as const;

function userOf({ session, userBanned, userExists }: Verified): string | null {
  if (session === null) return null;
  const { userId, userEmail: email, userName: name } = session;
  const remark = userExists === false ? ', gone' : userBanned === true ? ', banned' : '';
  return `${nameWithId({ id: String(userId), email, name })}${remark}`;
}

const CACHE_STATES: Readonly<Record<Exclude<CacheState, 'believed'>, string>> = {
  'other-strategy': 'not read: it was made with a strategy other than cookie_cache.strategy; it may answer',
  'no-secret': 'not read: it is encrypted, and no secret is configured; it may answer',
  unreadable: 'is ignored: it cannot be read',
  'bad-signature': 'is ignored: its signature is not that of the configured secret',
  'former-secret': 'is ignored: it is signed with a former secret',
  'other-token': 'is ignored: it belongs to another session cookie',
  'other-version': 'is ignored: it has another cookieCache.version',
  'too-old': 'is ignored: it is older than cookieCache.maxAge',
  expired: 'is ignored: the session in it has expired',
};

function cacheText(
  { state, until, enabled, signatureChecked, staleIn }: VerifiedCache,
  now: Instant,
): string {
  if (state !== 'believed') return CACHE_STATES[state];
  const stale =
    staleIn.length === 0
      ? 'it agrees with what is stored'
      : staleIn.includes('session')
        ? 'no such session is stored'
        : `it differs from what is stored in ${staleIn.join(' and ')}`;
  const seconds = until === null ? 0 : Math.ceil((millisecondsOf(until) - millisecondsOf(now)) / 1000);
  const length = `until ${String(until)} (${String(seconds)}s)`;
  const unsure = signatureChecked ? '' : ', if its signature is right';
  return enabled
    ? `answers ${length}${unsure}; ${stale}`
    : `would answer ${length}${unsure}, but cookie_cache is off in the configuration; ${stale}`;
}
