import { beforeComma, readingsOf, SIGNED } from './credential.ts';
import type { CookieNames } from './cookie-names.ts';
import { InvalidValueError } from './invalid-value.ts';

/** A credential as a client would present it. */
export interface PresentedToken {
  /** Of the cookie; null for a value by itself, or in another header. */
  readonly cookie: string | null;
  /** In a header `Authorization: Bearer`, which Better Auth reads only with its bearer plugin. */
  readonly bearer: boolean;
  readonly token: string;
  /** What stands behind the token; null where nothing does. */
  readonly signature: string | null;
  /** False where copying has damaged it so that a server would not read it: it lost its end, or was encoded once more. */
  readonly intact: boolean;
}

/** What a browser would send. */
export interface Presented {
  /** Null where there is none, such as in a header with a cached copy alone. */
  readonly token: PresentedToken | null;
  /** The cached copy (`session_data`), its pieces put together; null where there is none. */
  readonly cache: string | null;
}

const TOKEN_COOKIE = /(?:^|[.\-_])session_token$/;
const CACHE_COOKIE = /(?:^|[.\-_])session_data(?:\.(\d{1,3}))?$/;
const BEARER = /^["']?(?:(?:authorization["']?\s*:\s*["']?)?bearer\s+|set-auth-token["']?\s*:\s*)(\S+)$/i;
/** Better Auth's own tokens: whatever stands behind the dot is meant as a signature. */
const USUAL_TOKEN = /^[A-Za-z0-9]{32}$/;
/** Any printable text without spaces. */
const ONE_WORD = /^[^\p{C}\p{Z}\ufffd]{1,1024}$/u;

interface Cookie {
  readonly name: string;
  readonly value: string;
}

/**
 * Reads what somebody pasted: a token, the value of a cookie, or whole `Cookie` and `Set-Cookie` headers, in any number of
 * lines. All of it is what one browser would send.
 * @param names of the deployment's cookies; null where nobody said. Of several tokens, the cookie of that name counts
 * @throws InvalidValueError where there is nothing of the kind, or several tokens; nothing of it is repeated
 */
export function parsePresented(text: string, names: CookieNames | null): Presented {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0)
    throw new InvalidValueError('stdin is empty: it holds no token and no cookie', HINT);
  const cookies = lines.flatMap(cookiesIn);
  const ofSession = cookies.filter(({ name }) => TOKEN_COOKIE.test(name));
  const cache = joinedCache(cookies, names);
  const asNamed = ofSession.filter(({ name }) => name === names?.sessionToken);
  const inCookies = (asNamed.length > 0 ? asNamed : ofSession).map(fromCookie);
  const tokens = inCookies.length > 0 ? inCookies : lines.flatMap((line) => fromLine(line, cache !== null));
  const distinct = tokens.filter(
    (one, at) =>
      tokens.findIndex((other) => other.token === one.token && other.signature === one.signature) === at,
  );
  if (distinct.length > 1) {
    throw new InvalidValueError(
      `stdin holds ${String(distinct.length)} different tokens, and one is verified at a time`,
      'Give one token, or the cookies of one browser. Tokens that leaked are ended by `sessionctl revoke --token-stdin`.',
    );
  }
  const token = distinct[0] ?? null;
  if (token === null && cache === null)
    throw new InvalidValueError('stdin holds no token and no cookie of Better Auth', HINT);
  return { token, cache };
}

const HINT = 'Paste a token, the value of the session cookie, or the whole Cookie header.';

/**
 * Every `name=value` of a line, whatever stands around it, such as the words of a curl command. An empty one was deleted; of
 * two with one name, a server reads the first.
 */
function cookiesIn(line: string): readonly Cookie[] {
  const all = line.split(/[;\s]+/).flatMap((piece) => {
    const equals = piece.indexOf('=');
    if (equals < 1) return [];
    const name = piece.slice(0, equals).replace(/^.*[:"']/, '');
    const value = beforeComma(piece.slice(equals + 1).replace(/^["']/, ''));
    return value === '' ? [] : [{ name, value }];
  });
  return all.filter(({ name }, at) => all.findIndex((other) => other.name === name) === at);
}

/** A server decodes a cookie once. What is still encoded then it does not read. */
function fromCookie({ name, value }: Cookie): PresentedToken {
  const asSent = decodedOnce(value);
  const readings = readingsOf(value);
  const signed = [asSent, ...readings].find((reading) => SIGNED.test(reading)) ?? asSent;
  const dot = signed.lastIndexOf('.');
  const [token, signature] = dot < 1 ? [signed, null] : [signed.slice(0, dot), signed.slice(dot + 1)];
  return { cookie: name, bearer: false, token, signature, intact: signed === asSent && isWhole(signature) };
}

/** A value by itself may be in any encoding: where it is put, it will be in the right one. */
function fromLine(line: string, hasCache: boolean): readonly PresentedToken[] {
  const inHeader = BEARER.exec(line)?.[1];
  const bearer = inHeader !== undefined;
  if (!bearer) {
    const signed = cookiesIn(line).filter(({ value }) =>
      readingsOf(value).some((reading) => SIGNED.test(reading)),
    );
    if (signed.length > 0 && !SIGNED.test(line)) return signed.map(fromCookie);
    if (hasCache && cookiesIn(line).some(({ name }) => CACHE_COOKIE.test(name))) return [];
  }
  const readings = readingsOf(inHeader ?? line).filter((reading) => ONE_WORD.test(reading));
  const signed = readings.find(
    (reading) => SIGNED.test(reading) || USUAL_TOKEN.test(reading.split('.', 1)[0] ?? ''),
  );
  const [plain = null] = readings;
  if (plain === null) return [];
  const value = signed ?? plain;
  const dot = value.lastIndexOf('.');
  if (signed === undefined || dot < 1)
    return [{ cookie: null, bearer, token: value, signature: null, intact: true }];
  const signature = value.slice(dot + 1);
  return [{ cookie: null, bearer, token: value.slice(0, dot), signature, intact: isWhole(signature) }];
}

/** better-call takes no other for a signature (`getSignedCookie`). */
function isWhole(signature: string | null): boolean {
  return signature === null || /^[A-Za-z0-9+/]{43}=$/.test(signature);
}

/** Of several cached copies, the one of the deployment's own name; its pieces in their order. */
function joinedCache(cookies: readonly Cookie[], names: CookieNames | null): string | null {
  const found = cookies.flatMap(({ name, value }) => {
    const match = CACHE_COOKIE.exec(name);
    if (match === null) return [];
    const base = match[1] === undefined ? name : name.slice(0, name.lastIndexOf('.'));
    return [{ base, piece: match[1] === undefined ? null : Number(match[1]), value: decodedOnce(value) }];
  });
  const base = found.find((each) => each.base === names?.sessionData)?.base ?? found[0]?.base;
  const own = found.filter((each) => each.base === base);
  const whole = own.find(({ piece }) => piece === null);
  if (whole !== undefined) return whole.value;
  const pieces = own.sort((one, other) => (one.piece ?? 0) - (other.piece ?? 0));
  return pieces.length === 0 ? null : pieces.map(({ value }) => value).join('');
}

function decodedOnce(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
