import type { CacheStrategy } from './cached-copy.ts';
import { readCachedCookie, staleIn, type CachedCookie } from './cookie-cache.ts';
import type { CookieNames } from './cookie-names.ts';
import { signerOf, tokenFingerprint } from './cookie-signature.ts';
import type { Instant } from './instant.ts';
import type { Presented, PresentedToken } from './presented.ts';
import type { Session } from './session.ts';
import { storedVerdict, type Standings, type StoredReason } from './standing.ts';

/** The known settings of the application that judges. */
export interface Verifier {
  /** Null if it is not configured: then a signature is not checked. */
  readonly secret: string | null;
  readonly formerSecrets: readonly string[];
  /** Null if they are not configured: then a cookie may have any name. */
  readonly names: CookieNames | null;
  readonly cookieCache: {
    readonly enabled: boolean;
    readonly strategy: CacheStrategy;
    readonly version: string;
  };
}

/**
 * The verdict on a signature. `unchecked`: no secret is known. `malformed`: its end is missing, or it is encoded once
 * more.
 */
export type SignatureState = 'valid' | 'bad' | 'former-secret' | 'malformed' | 'absent' | 'unchecked';

/**
 * The reason. With `valid`: `live`, or `cached` where the stores no longer hold such a session and the copy in the
 * cookie still answers. Otherwise the first thing that is wrong.
 */
export type VerifyReason =
  | 'live'
  | 'cached'
  | 'no-token'
  | 'unsigned'
  | 'malformed'
  | 'bad-signature'
  | 'former-secret'
  | 'other-cookie'
  | Exclude<StoredReason, 'live'>;

export interface VerifiedCache extends CachedCookie {
  /** The application accepts cached copies, according to its configuration. */
  readonly enabled: boolean;
  /** The fields that differ from the stores: `session` where they hold none; empty where the copy agrees. */
  readonly staleIn: readonly string[];
}

export interface Verified {
  /** Whether `getSession` would answer with a session. */
  readonly valid: boolean;
  readonly reason: VerifyReason;
  readonly answeredBy: 'cache' | 'secondary' | 'database' | null;
  readonly signature: SignatureState;
  /** The verdict of the stores on the token, regardless of its signature; null where there is no token. */
  readonly stored: StoredReason | null;
  /** The stored session, valid or not. */
  readonly session: Session | null;
  /** Null where there is no token. */
  readonly tokenFingerprint: string | null;
  /** Null where there is no session, or no user table. */
  readonly userExists: boolean | null;
  /** A ban by itself ends no session: Better Auth checks it only when it creates one. Null as above. */
  readonly userBanned: boolean | null;
  readonly cache: VerifiedCache | null;
}

/**
 * Whether a session may still be in use, as far as is known: also by a cached copy, and where the text is not
 * recognised.
 */
export function livesOn({ valid, stored, cache }: Verified): boolean {
  const mayAnswer =
    cache?.enabled === true && (cache.state === 'no-secret' || cache.state === 'other-strategy');
  return valid || mayAnswer || stored === 'live' || stored === 'unreadable' || stored === null;
}

const MALFORMED: Verified = {
  valid: false,
  reason: 'malformed',
  answeredBy: null,
  signature: 'absent',
  stored: null,
  session: null,
  tokenFingerprint: null,
  userExists: null,
  userBanned: null,
  cache: null,
};

/**
 * The answer that `getSession` of better-auth 1.7.25 would give without refreshing: it checks the signature with the
 * present secret, then the cached copy where the application accepts one, then the stores. Nothing is written.
 * @param pasted null for text that is not recognised
 */
export async function verify(
  pasted: Presented | null,
  verifier: Verifier,
  { standings, now }: { readonly standings: Standings; readonly now: Instant },
): Promise<Verified> {
  if (pasted === null) return MALFORMED;
  const { token: presented, cache: cookie } = pasted;
  const { cookieCache } = verifier;
  const standing = presented === null ? null : await standings.byToken(presented.token);
  const stored = standing === null ? null : storedVerdict(standing, now);
  const session = stored?.session ?? null;
  const isLive = stored?.reason === 'live';
  const copy =
    cookie === null
      ? null
      : await readCachedCookie(cookie, { ...verifier, ...cookieCache, token: presented?.token ?? null }, now);
  const cache: VerifiedCache | null =
    copy === null
      ? null
      : { ...copy, enabled: cookieCache.enabled, staleIn: staleIn(copy, isLive ? session : null) };
  const signature = presented === null ? 'absent' : await signatureState(presented, verifier);
  const refused = presented === null ? 'no-token' : refusalOf(presented, signature, verifier);
  const fromCache = refused === null && cache?.enabled === true && cache.state === 'believed';
  const valid = refused === null && (fromCache || isLive);
  return {
    valid,
    reason: refused ?? (isLive || stored === null ? 'live' : fromCache ? 'cached' : stored.reason),
    answeredBy: !valid ? null : fromCache ? 'cache' : (stored?.place ?? null),
    signature,
    stored: stored?.reason ?? null,
    session,
    tokenFingerprint: presented === null ? null : await tokenFingerprint(presented.token),
    userExists: standing?.user?.exists ?? null,
    userBanned: standing?.user?.banned ?? null,
    cache,
  };
}

async function signatureState(
  { token, signature, intact }: PresentedToken,
  { secret, formerSecrets }: Verifier,
): Promise<SignatureState> {
  if (signature === null) return 'absent';
  if (secret === null) return intact ? 'unchecked' : 'malformed';
  const signer = await signerOf(token, signature, { secret, formerSecrets });
  if (signer === null) return 'bad';
  if (!intact) return 'malformed';
  return signer === 'former' ? 'former-secret' : 'valid';
}

/** The reason why a server would not even look for the session; null where it would. */
function refusalOf(
  { cookie }: PresentedToken,
  signature: SignatureState,
  { names }: Verifier,
): VerifyReason | null {
  if (cookie !== null && names !== null && cookie !== names.sessionToken && cookie.endsWith(TOKEN_COOKIE))
    return 'other-cookie';
  switch (signature) {
    case 'absent':
      return 'unsigned';
    case 'bad':
      return 'bad-signature';
    case 'malformed':
    case 'former-secret':
      return signature;
    default:
      return null;
  }
}

/** A cookie with another kind of name may be one that the application has named itself. */
const TOKEN_COOKIE = '.session_token';
