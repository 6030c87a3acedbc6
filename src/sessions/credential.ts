/** One way to read a credential. */
export interface Reading {
  readonly token: string;
  /** The text after the token; null if there is none. */
  readonly signature: string | null;
  /**
   * False if copying has damaged it so that a server would not read it: its end is missing, or it was encoded once
   * more.
   */
  readonly intact: boolean;
}

export interface Credential {
  /** Name of the cookie; null for a bare value, or a value in another header. */
  readonly cookie: string | null;
  /** In a header `Authorization: Bearer`, which Better Auth reads only with its bearer plugin. */
  readonly bearer: boolean;
  /** Most likely first, never empty. */
  readonly readings: readonly Reading[];
}

export interface Cookie {
  readonly name: string;
  readonly value: string;
}

/** The content of one line, or of one text of a JSON document. */
export interface TextReading {
  readonly credentials: readonly Credential[];
  /** Cached copies (`session_data`) as they were found: each is whole, or a piece of one. */
  readonly copies: readonly Cookie[];
  /**
   * All other texts that are long enough for a token, each once. A token cannot be guessed, so a session found by one
   * was meant.
   */
  readonly perhaps: readonly string[];
}

/** Characters; a longer line is not read. */
export const LONGEST_LINE = 1024 * 1024;
/**
 * Any printable text without spaces, since a deployment may create its own tokens. U+FFFD replaces bytes that were not
 * UTF-8.
 */
const TOKEN = /^[^\p{C}\p{Z}\ufffd]{1,512}$/u;
/** Better Auth's own tokens. */
const USUAL_TOKEN = /^[A-Za-z0-9]{32}$/;
/** A tab separates like a space. */
const CONTROL = /(?!\t)\p{Cc}/u;
/** A token and its signature, base64 of HMAC-SHA256. Copying by double click may lose the `=`. */
const SIGNED = /^(.+)\.([A-Za-z0-9+/]{43}=?)$/s;

/** The end of the names of Better Auth's cookies. */
const COOKIE =
  /session_token(?:_multi-[\w-]{1,600})?|admin_session|session_data(?:\.\d{1,3})?|account_data(?:\.\d{1,3})?|dont_remember/g;
const LONGEST_PREFIX = 200;
/** Between a name and its value: in cookies, JSON, a table of the browser's tools, a call in a script. */
const SEPARATOR = /\\?["']?\s{0,9}[=:\t]\s{0,9}|["'],\s{0,9}/y;
/**
 * Longer than any cookie. Without a limit, many names without a space between them would each take the rest of the line
 * as their value.
 */
const VALUE = /\\?["']?[^\s;"\\]{0,5000}/y;
const LONGEST_COPY = 5000;
const BEARER = /(?:\bbearer\s{1,9}|\bset-auth-token\\?["']?\s{0,9}:\s{0,9}\\?["']?)(\S+)/gi;
const LABELLED = /(?<![\w.-])(?:session[_-]?)?token\\?["']?\s{0,9}[=:]\s{0,9}\\?["']?([^\s"'&;\\]+)/gi;
/** Without its `=`. */
const SIGNATURE_LENGTH = 43;
/** The longest token with its signature, encoded twice. */
const LONGEST_VALUE = 4096;
const PIECE = /[\w-]{16,512}/g;
const MOST_PIECES = 200;

const SOMEWHERE_SIGNED = /[^\s.]\.[A-Za-z0-9+/]{43}=?(?![A-Za-z0-9+/=])/;
const SOMEWHERE_A_COOKIE =
  /(?:session_token|session_data|admin_session|account_data)[^\s=:]{0,600}\s{0,9}[=:]\s{0,9}["']?[^\s"';,]/i;
const TOKEN_HEADER =
  /^["']?(?:(?:authorization["']?\s*:\s*["']?)?bearer\s+|set-auth-token["']?\s*:\s*)(\S+)$/i;

/**
 * Whether text looks like a credential that must never be echoed: a signed cookie value in any form, or a cookie name
 * with a value.
 */
export function looksLikeCredential(text: string): boolean {
  return decodings(text).some(
    (form) => SOMEWHERE_SIGNED.test(form) || SOMEWHERE_A_COOKIE.test(form) || TOKEN_HEADER.test(form.trim()),
  );
}

/**
 * Finds the credentials in one line: a cookie or a header among other text, a labelled or signed value, or a token that
 * is the whole line. It may be URL-encoded once or twice, quoted, or followed by a comma.
 */
export function readText(text: string): TextReading {
  if (text.length > LONGEST_LINE) return { credentials: [], copies: [], perhaps: [] };
  const forms = CONTROL.test(text) ? [] : [text, decoded(text), decoded(decoded(text))];
  const cookies = first(forms, cookiesIn);
  const isAdministrators = ({ name }: Cookie) => name.endsWith('admin_session');
  const own = [
    ...cookies.filter((cookie) => !isAdministrators(cookie)),
    ...cookies.filter(isAdministrators),
  ].flatMap(fromCookie);
  const credentials = [
    ...own,
    ...first(forms, bearersIn),
    ...(own.length > 0 || forms.length === 0 ? [] : [...signedIn(text), ...first(forms, labelledIn)]),
  ];
  // The whole text may be the token, or its signed value.
  const whole = cookies.length > 0 || forms.length === 0 || /\s/.test(text) ? [] : readingsOf(text);
  const all =
    credentials.length === 0
      ? credential(null, false, whole)
      : credentials.map((one) => ({ ...one, readings: fit([...one.readings, ...whole]) }));
  const known = new Set(all.flatMap(({ readings }) => readings.map(({ token }) => token)));
  return {
    credentials: all,
    copies: cookies.filter(
      ({ name, value }) =>
        /session_data(?:\.\d+)?$/.test(name) && value !== '' && value.length < LONGEST_COPY,
    ),
    perhaps: piecesOf(text).filter((piece) => !known.has(piece)),
  };
}

/** Whether a reading has the form of a Better Auth credential. Other text is one only if a store knows it. */
export function isWellFormed({ token, signature }: Reading): boolean {
  return signature !== null || USUAL_TOKEN.test(token);
}

/** The first form in which something is found. */
function first<Found>(forms: readonly string[], find: (form: string) => readonly Found[]): readonly Found[] {
  for (const form of forms) {
    const found = find(form);
    if (found.length > 0) return found;
  }
  return [];
}

function piecesOf(text: string): readonly string[] {
  const pieces = decodings(text).flatMap((form) => form.match(PIECE) ?? []);
  return [...new Set(pieces)].slice(0, MOST_PIECES);
}

/** Better Auth's cookies in any text, such as a curl command. */
function cookiesIn(text: string): readonly Cookie[] {
  return [...text.matchAll(COOKIE)].flatMap(({ 0: end, index }) => {
    SEPARATOR.lastIndex = index + end.length;
    const separator = SEPARATOR.exec(text)?.[0];
    if (separator === undefined) return [];
    VALUE.lastIndex = index + end.length + separator.length;
    const value = VALUE.exec(text)?.[0] ?? '';
    const prefix =
      text
        .slice(Math.max(0, index - LONGEST_PREFIX), index)
        .split(/[^\w.-]/)
        .at(-1) ?? '';
    return [{ name: prefix + end, value }];
  });
}

/** The copies for the browser are signed, but contain no token. */
function fromCookie({ name, value }: Cookie): readonly Credential[] {
  // An empty cookie was deleted.
  if (!/session_token(?:_multi-[\w-]+)?$|admin_session$/.test(name) || beforeEnd(value) === '') return [];
  // During an impersonation this cookie holds the administrator's own token, a colon, and whether to remember it.
  const ends = name.endsWith('admin_session') ? ':' : null;
  // A server decodes a cookie once, and cannot read one that is still encoded after that.
  const readings = readingsOf(value, decodedOnce(beforeEnd(value)));
  return credential(
    name,
    false,
    ends === null
      ? readings
      : readings.map((reading) => ({ ...reading, token: reading.token.split(ends, 1)[0] ?? '' })),
  );
}

function bearersIn(text: string): readonly Credential[] {
  return [...text.matchAll(BEARER)].flatMap(([, value = '']) => credential(null, true, readingsOf(value)));
}

function labelledIn(text: string): readonly Credential[] {
  return [...text.matchAll(LABELLED)].flatMap(([, value = '']) => credential(null, false, readingsOf(value)));
}

/** Signed values by themselves, and in cookies with other names. */
function signedIn(text: string): readonly Credential[] {
  return text.split(/[;\s]+/).flatMap((piece) => {
    if (piece.length <= SIGNATURE_LENGTH) return [];
    const equals = piece.indexOf('=');
    const [name, value] = equals < 1 ? [null, piece] : [piece.slice(0, equals), piece.slice(equals + 1)];
    // Copies for the browser are signed, but contain no token.
    if (name !== null && /(?:session_data|account_data)(?:\.\d+)?$|dont_remember$/.test(name)) return [];
    const isSigned = ({ signature }: Reading) => signature !== null;
    const named = readingsOf(value, decodedOnce(beforeEnd(value))).filter(isSigned);
    const whole = readingsOf(piece).filter(isSigned);
    if (name === null || named.length === 0) return credential(null, false, whole);
    return credential(name.replace(/^.*[:"']/, ''), false, [...named, ...whole]);
  });
}

function credential(
  cookie: string | null,
  bearer: boolean,
  readings: readonly Reading[],
): readonly Credential[] {
  const own = fit(readings);
  return own.length === 0 ? [] : [{ cookie, bearer, readings: own }];
}

function fit(readings: readonly Reading[]): readonly Reading[] {
  return readings.filter(
    ({ token }, at) => TOKEN.test(token) && readings.findIndex((other) => other.token === token) === at,
  );
}

/**
 * The possible readings of a value: first a token before a signature, then the value itself, with and without what
 * copying added around it; the most decoded form first.
 * @param sent the form that a server reads; a value that is not from a cookie may have any form
 */
function readingsOf(value: string, sent?: string): readonly Reading[] {
  if (value.length > LONGEST_VALUE) return [];
  const unquoted = value.replace(/^\\?["']/, '');
  const all = [beforeEnd(unquoted), unquoted.replace(/["']?,?$/, ''), value.replace(/["']?,?$/, ''), value];
  const forms = [...new Set(all.flatMap(decodings))];
  const signed = forms.flatMap((form) => {
    const dot = form.indexOf('.');
    const isUsual = USUAL_TOKEN.test(form.slice(0, dot)) && dot > 0;
    const [, token, signature] = SIGNED.exec(form) ?? [];
    const isIntact = (end: string) => isWhole(end) && (sent === undefined || form === sent);
    if (token !== undefined && signature !== undefined)
      return [{ token, signature, intact: isIntact(signature) }];
    const end = form.slice(dot + 1);
    return isUsual && end !== ''
      ? [{ token: form.slice(0, dot), signature: end, intact: isIntact(end) }]
      : [];
  });
  // The form that a server reads comes before the others, which are damaged.
  return [
    ...signed.filter(({ intact }) => intact),
    ...signed.filter(({ intact }) => !intact),
    ...forms.map((token) => ({ token, signature: null, intact: true })),
  ];
}

/** better-call accepts only this form of a signature (`getSignedCookie`). */
function isWhole(signature: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(signature);
}

function beforeEnd(text: string): string {
  return text.replace(/^\\?["']/, '').replace(/["'),}\]]+$/, '');
}

function decodings(text: string): readonly string[] {
  const once = decoded(text);
  return [decoded(once), once, text];
}

/** Decodes URL-encoded characters; other percent signs stay. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}

/** Decodes once, like a server; text that it cannot decode stays. */
export function decodedOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
