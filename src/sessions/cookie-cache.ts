import type { CacheStrategy } from './cached-copy.ts';
import { openEncrypted, openSigned, type OpenedJwt } from './cached-jwt.ts';
import { base64Bytes, signerOf } from './cookie-signature.ts';
import { toInstant, type Instant } from './instant.ts';
import type { Session } from './session.ts';

/**
 * The verdict on a cached copy (`session_data`): `believed`, or the reason why Better Auth would ask its stores
 * instead. In the order in which better-auth 1.7.25 decides (`decodeCookieCache`, `getSession`).
 */
export type CacheState =
  | 'believed'
  | 'other-strategy'
  | 'unreadable'
  | 'no-secret'
  | 'bad-signature'
  | 'former-secret'
  | 'other-token'
  | 'other-version'
  | 'too-old'
  | 'expired';

export interface CachedCookie {
  readonly state: CacheState;
  /**
   * False where no secret is known, or where a key of the JWT plugin signed the copy. Then the verdict `believed` holds
   * only if the signature is right.
   */
  readonly signatureChecked: boolean;
  /** When it stops being accepted, if nothing else is wrong with it; null where it is unreadable. */
  readonly until: Instant | null;
  readonly madeAt: Instant | null;
  readonly version: string | null;
  /** The session's fields in the copy; null where it is unreadable. */
  readonly session: {
    readonly id: string | null;
    readonly userId: string | null;
    readonly expiresAt: Instant | null;
  } | null;
}

export interface CacheExpectations {
  /** Null where no secret is known. */
  readonly secret: string | null;
  readonly formerSecrets: readonly string[];
  readonly strategy: CacheStrategy;
  /** The application's `cookieCache.version`. */
  readonly version: string;
  /** The token in the session cookie; null where there is no such cookie. */
  readonly token: string | null;
}

/** Reads a copy like the application, by its strategy. */
export async function readCachedCookie(
  value: string,
  { secret, formerSecrets, strategy, version, token }: CacheExpectations,
  now: Instant,
): Promise<CachedCookie> {
  const secrets = { secret, formerSecrets };
  if (strategyOf(value) !== strategy)
    return { ...NOTHING, state: strategyOf(value) === null ? 'unreadable' : 'other-strategy' };
  if (strategy === 'jwe' && secret === null) return { ...NOTHING, state: 'no-secret' };
  const copy =
    strategy === 'compact'
      ? await openCompact(value, secrets)
      : fromJwt(strategy === 'jwt' ? await openSigned(value, secrets) : await openEncrypted(value, secrets));
  if (copy === null) return { ...NOTHING, state: strategy === 'compact' ? 'unreadable' : 'bad-signature' };
  const { payload, expiresAt, signer } = copy;
  const session = record(payload['session']) ?? {};
  const own = payload['version'];
  const ends = moment(session['expiresAt']);
  const until = moment(expiresAt);
  const nowInMilliseconds = Date.parse(now);
  const state = (): CacheState => {
    if (signer === null || signer === 'former') return signer === null ? 'bad-signature' : 'former-secret';
    if (!isPayload(payload)) return 'unreadable';
    if (token === null || session['token'] !== token) return 'other-token';
    // An empty version counts as absent.
    if ((own === undefined || own === '' ? '1' : own) !== version) return 'other-version';
    if (expiresAt < nowInMilliseconds) return 'too-old';
    return ends === null || ends < now ? 'expired' : 'believed';
  };
  return {
    state: state(),
    signatureChecked: signer !== 'unchecked',
    until: until !== null && ends !== null && ends < until ? ends : until,
    madeAt: moment(payload['updatedAt']),
    version: text(own),
    session: { id: text(session['id']), userId: text(session['userId']), expiresAt: ends },
  };
}

/** The strategy that made a copy, by its form: a JWT has three parts, an encrypted one five. */
function strategyOf(value: string): CacheStrategy | null {
  if (/^[\w-]+(?:\.[\w-]*){2}$/.test(value)) return 'jwt';
  if (/^[\w-]+(?:\.[\w-]*){4}$/.test(value)) return 'jwe';
  return parseCompact(value) === null ? null : 'compact';
}

interface OpenedCopy {
  readonly payload: Fields;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** Null where no secret fits. */
  readonly signer: 'present' | 'former' | 'unchecked' | null;
}

async function openCompact(
  value: string,
  { secret, formerSecrets }: Pick<CacheExpectations, 'secret' | 'formerSecrets'>,
): Promise<OpenedCopy | null> {
  const copy = parseCompact(value);
  if (copy === null) return null;
  const { payload, expiresAt, signature } = copy;
  const signed = JSON.stringify({ ...payload, expiresAt });
  const signer = secret === null ? 'unchecked' : await signerOf(signed, signature, { secret, formerSecrets });
  return { payload, expiresAt, signer };
}

function fromJwt(opened: OpenedJwt | null): OpenedCopy | null {
  if (opened === null) return null;
  const { exp } = opened.payload;
  // Better Auth treats a copy without an end as ending now.
  return { ...opened, expiresAt: typeof exp === 'number' ? exp * 1000 : 0 };
}

const NOTHING: Omit<CachedCookie, 'state'> = {
  signatureChecked: false,
  until: null,
  madeAt: null,
  version: null,
  session: null,
};

type Fields = Readonly<Record<string, unknown>>;

function parseCompact(
  value: string,
): { readonly payload: Fields; readonly expiresAt: number; readonly signature: string } | null {
  const bytes = base64Bytes(value);
  if (bytes === null) return null;
  try {
    const { session, expiresAt, signature } = record(JSON.parse(new TextDecoder().decode(bytes))) ?? {};
    const payload = record(session);
    if (payload === null || typeof expiresAt !== 'number' || typeof signature !== 'string') return null;
    return { payload, expiresAt, signature };
  } catch {
    return null;
  }
}

/** Checks the same fields as Better Auth's own schema of a copy. */
function isPayload({ session, user, updatedAt, version }: Fields): boolean {
  const isVersion = version === undefined || typeof version === 'string';
  return record(session) !== null && record(user) !== null && typeof updatedAt === 'number' && isVersion;
}

function record(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function text(value: unknown): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value : null;
}

function moment(value: unknown): Instant | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const milliseconds = new Date(value).getTime();
  return Number.isFinite(milliseconds) && Math.abs(milliseconds) < 253e12 ? toInstant(milliseconds) : null;
}

/** The fields in which a cached copy differs from the stored session. */
export function staleIn({ session: copy }: CachedCookie, stored: Session | null): readonly string[] {
  if (copy === null) return [];
  if (stored === null) return ['session'];
  return [
    ...(copy.userId === stored.userId ? [] : ['userId']),
    ...(Math.abs(Date.parse(copy.expiresAt ?? '') - Date.parse(stored.expiresAt ?? '')) < 1000
      ? []
      : ['expiresAt']),
  ];
}
