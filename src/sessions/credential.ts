/** One line of leaked material. */
export interface CredentialLine {
  readonly line: number;
  /** Candidates, most likely first; empty where the line is in no known form. */
  readonly tokens: readonly string[];
  /** Whatever else in the line is long enough for one: JSON, a URL, a signature that was cut off. Each once. */
  readonly perhaps: readonly string[];
}

/** Characters; servers take no longer header. */
const LONGEST_LINE = 16_384;
/** Any printable text without spaces, since a deployment may make its own tokens. U+FFFD is what was not UTF-8. */
const TOKEN = /^[^\p{C}\p{Z}\ufffd]{1,512}$/u;
/** A tab separates as a space does. */
const CONTROL = /(?!\t)\p{Cc}/u;
/** A token and its signature, base64 of HMAC-SHA256. Whoever copies by double click may lose the `=`. */
export const SIGNED = /^(.+)\.[A-Za-z0-9+/]{43}=?$/s;
/** `Authorization: Bearer …` with or without its name, and the header in which the bearer plugin answers. */
const TOKEN_HEADER =
  /^["']?(?:(?:authorization["']?\s*:\s*["']?)?bearer\s+|set-auth-token["']?\s*:\s*)(\S+)$/i;

const SOMEWHERE_SIGNED = /[^\s.]\.[A-Za-z0-9+/]{43}=?(?![A-Za-z0-9+/=])/;
const SOMEWHERE_A_COOKIE =
  /(?:session_token|session_data|admin_session|account_data)[^\s=:]{0,600}\s{0,9}[=:]\s{0,9}["']?[^\s"';,]/i;

/**
 * Reads leaked material, a credential a line: a token, the value of a signed cookie, a cookie, a whole `Cookie` or
 * `Set-Cookie` header, an `Authorization` header; URL-encoded once or twice, quoted, with a trailing comma. Empty lines
 * are left out but counted. A header may hold several tokens, so each candidate has to be looked for.
 */
export function parseCredentialLines(text: string): readonly CredentialLine[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line, index) => ({ line: index + 1, text: line.trim() }))
    .filter((line) => line.text !== '')
    .map((line) => {
      const tokens = tokensIn(line.text);
      return {
        line: line.line,
        tokens,
        perhaps: piecesOf(line.text).filter((piece) => !tokens.includes(piece)),
      };
    });
}

/** Nobody guesses one so long, so that whatever is found by it was meant. */
const PIECE = /[\w-]{16,512}/g;
const MOST_PIECES = 200;

function piecesOf(line: string): readonly string[] {
  if (line.length > LONGEST_LINE) return [];
  const pieces = decodings(line).flatMap((form) => form.match(PIECE) ?? []);
  return [...new Set(pieces)].slice(0, MOST_PIECES);
}

/** Whether text looks like a credential, so that it must never be echoed: a signed cookie value in any form, or a cookie name with a value. */
export function looksLikeCredential(text: string): boolean {
  return decodings(text).some(
    (form) => SOMEWHERE_SIGNED.test(form) || SOMEWHERE_A_COOKIE.test(form) || TOKEN_HEADER.test(form.trim()),
  );
}

function tokensIn(line: string): readonly string[] {
  if (line.length > LONGEST_LINE || CONTROL.test(line)) return [];
  const inHeader = TOKEN_HEADER.exec(line)?.[1];
  const found = inHeader === undefined ? fromCookies(line) : candidates(inHeader);
  return [...new Set(found)].filter((token) => TOKEN.test(token));
}

interface Cookie {
  readonly kind: 'session' | 'administrator' | 'other' | 'unknown';
  readonly value: string;
}

/** Better Auth's cookies, wherever they stand in the line; else signed ones of any name, or the line is the token. */
function fromCookies(line: string): readonly string[] {
  const cookies = line.split(/[;\s]+/).flatMap(cookieIn);
  const ofKind = (kind: Cookie['kind']) =>
    cookies.flatMap((cookie) => (cookie.kind === kind ? [cookie.value] : []));
  return [
    ...ofKind('session').flatMap(candidates),
    // While an administrator is somebody else: the administrator's own token, a colon, and whether to remember it.
    ...ofKind('administrator').flatMap(candidates).map(beforeColon),
    ...ofKind('unknown').flatMap(readingsOf).flatMap(signedToken),
    ...(cookies.every(({ kind }) => kind === 'unknown') ? candidates(line) : []),
  ];
}

/** One `name=value`; a token may hold `=` as well, and then this is a cookie of an unknown name. */
function cookieIn(piece: string): readonly Cookie[] {
  const equals = piece.indexOf('=');
  return equals < 1 ? [] : [{ kind: kindOf(piece.slice(0, equals)), value: piece.slice(equals + 1) }];
}

function kindOf(name: string): Cookie['kind'] {
  if (name.endsWith('session_token') || name.includes('session_token_multi-')) return 'session';
  if (name.endsWith('admin_session')) return 'administrator';
  // A copy of the session for the browser, in one piece or several; signed, but no token.
  return /(?:session_data|account_data|dont_remember)(?:\.\d+)?$/.test(name) ? 'other' : 'unknown';
}

/** What the value may stand for: the token in front of a signature first, then the value itself. */
function candidates(value: string): readonly string[] {
  const all = readingsOf(value);
  return [...all.flatMap(signedToken), ...all];
}

/** The value without what copying put around it, and as it is, should that be its own; the most decoded form first. */
export function readingsOf(value: string): readonly string[] {
  return [beforeComma(value.replace(/^["']/, '')), beforeComma(value), value].flatMap(decodings);
}

function signedToken(value: string): readonly string[] {
  const token = SIGNED.exec(value)?.[1];
  return token === undefined ? [] : [token];
}

function beforeColon(text: string): string {
  return text.split(':', 1)[0] ?? '';
}

export function beforeComma(text: string): string {
  return text.replace(/["']?,?$/, '');
}

function decodings(text: string): readonly string[] {
  const once = decoded(text);
  return [decoded(once), once, text];
}

/** Decodes what is URL-encoded; percent signs that mean nothing stay. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
