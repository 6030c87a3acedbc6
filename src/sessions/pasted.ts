import {
  isWellFormed,
  readText,
  type Cookie,
  type Credential,
  type Reading,
  type TextReading,
} from './credential.ts';
import type { SessionStore } from './session-store.ts';

/** One line of a paste, or one text of a JSON document in it. */
export interface PastedItem extends TextReading {
  /** `line 3`, or `item 2` of a JSON document. Shows nothing of the paste. */
  readonly place: string;
  /** An item of this kind usually holds no credential: for example another header beside the cookie. */
  readonly isContext: boolean;
}

/** Maximum depth to which a JSON document is read. */
const DEEPEST = 100;
const MOST_PIECES = 1000;
const HEADER_NAME =
  /^(?:set-)?cookie:?$|^authorization:?$/i; /** What the browser's tools copy as a command, over many lines. */
const COMMAND = /^\s*(?:curl|(?:await )?fetch\(|Invoke-WebRequest|\$session)/i;
/**
 * Another header, a request or status line, a part of a command, a comment, another cookie of a cookies.txt or of a
 * table of the browser's tools.
 */
const CONTEXT =
  /^(?::?[a-z][\w-]*:\s|[A-Z]{3,7} \S+ HTTP\/|HTTP\/\d|curl\s|--?[a-z][\w-]*\s|#\s|fetch\()|\t(?:TRUE|FALSE)\t\/|^[^\t]+\t[^\t]*\t[^\t]*\t\//i;

/**
 * Reads pasted text: tokens, cookies and headers, one per line, with any text around them; JSON as a whole, such as a
 * HAR file or a browser's export of cookies; a cookies.txt. Every command that accepts credentials reads them with this
 * function.
 * @returns in the order of the paste, without empty lines
 */
export function readPaste(text: string): readonly PastedItem[] {
  const whole = text.replace(/^\uFEFF/, '');
  const document = parsedJson(whole);
  if (document !== undefined) return readDocument(document, 'line 1');
  const isCommand = COMMAND.test(whole);
  return whole.split(/\r\n|\r|\n/).flatMap((line, at) => {
    const place = `line ${String(at + 1)}`;
    if (line.trim() === '') return [];
    const inLine = parsedJson(line);
    if (inLine !== undefined) return readDocument(inLine, place).map((item) => ({ ...item, place }));
    const item = readLine(line, place);
    const isOther = isCommand && !item.credentials.some(({ readings }) => readings.some(isWellFormed));
    return [isOther ? { ...item, credentials: [], isContext: true } : item];
  });
}

function readLine(line: string, place: string): PastedItem {
  // In a cookies.txt this mark precedes the domain, and is not a comment.
  const text = line.trim().replace(/^#HttpOnly_/, '');
  const reading = readText(text);
  if (HEADER_NAME.test(text)) return { credentials: [], copies: [], perhaps: [], place, isContext: true };
  return { ...reading, place, isContext: CONTEXT.test(text) };
}

function parsedJson(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Each text that contains a credential; if none does, one item with everything that is long enough for a token. */
function readDocument(document: object, place: string): readonly PastedItem[] {
  const readings: TextReading[] = [];
  const perhaps = new Set<string>();
  for (const { text, isAlone } of textsIn(document, 0)) {
    const reading = readText(text);
    for (const piece of reading.perhaps) if (perhaps.size < MOST_PIECES) perhaps.add(piece);
    if (reading.copies.length > 0 || reading.credentials.length > 0)
      readings.push({ ...reading, perhaps: [] });
    else if (isAlone) readings.push(reading);
  }
  if (readings.length === 0)
    return [{ credentials: [], copies: [], perhaps: [...perhaps], place, isContext: false }];
  return readings.map((reading, at) => ({ ...reading, place: `item ${String(at + 1)}`, isContext: false }));
}

interface DocumentText {
  readonly text: string;
  /** In a list of texts, each of which should be a credential. */
  readonly isAlone: boolean;
}

/** Texts as they would appear in a line: with the name that describes them. */
function* textsIn(value: unknown, depth: number, key: string | null = null): Generator<DocumentText> {
  if (depth > DEEPEST) return;
  if (typeof value === 'string') {
    const inner = parsedJson(value);
    if (inner === undefined) yield { text: key === null ? value : `${key}: ${value}`, isAlone: key === null };
    else yield* textsIn(inner, depth + 1);
  } else if (Array.isArray(value)) {
    for (const each of value as readonly unknown[]) yield* textsIn(each, depth + 1, key);
  } else if (typeof value === 'object' && value !== null) {
    const { name, value: named, ...others } = value as Readonly<Record<string, unknown>>;
    // A cookie of a browser's export, or a cookie or header of a HAR file.
    if (typeof name === 'string' && typeof named === 'string') {
      yield { text: `${name}: ${named}`, isAlone: false };
      yield* textsIn(others, depth + 1);
    } else for (const [own, each] of Object.entries(value)) yield* textsIn(each, depth + 1, own);
  }
}

/** A credential with the chosen reading. */
export interface ResolvedCredential extends Credential {
  /** The reading of a known session, or else the most likely one. */
  readonly reading: Reading;
  /** The id of its session; null where no store knows one. */
  readonly sessionId: string | null;
}

export interface ResolvedItem {
  readonly place: string;
  /** Empty where nothing was recognised, or there is only a cached copy. */
  readonly credentials: readonly ResolvedCredential[];
  readonly copies: readonly Cookie[];
  /** It contains text that was not recognised and may have been meant as a credential. */
  readonly isMalformed: boolean;
}

/** Finds the readings that belong to sessions. A text that may be a token counts as one if a store knows it. */
export async function resolvePaste(
  items: readonly PastedItem[],
  store: Pick<SessionStore, 'findSessionIdsByToken'>,
): Promise<readonly ResolvedItem[]> {
  const texts = [...new Set(items.flatMap(candidatesOf))];
  const ids = await store.findSessionIdsByToken(texts);
  const idOf = new Map(texts.map((text, at) => [text, ids[at] ?? null]));
  const isKnown = (token: string) => (idOf.get(token) ?? null) !== null;
  return items.map(({ place, credentials, copies, perhaps, isContext }) => {
    const resolved = credentials.flatMap((credential): readonly ResolvedCredential[] => {
      const [likeliest] = credential.readings;
      const reading = credential.readings.find(({ token }) => isKnown(token)) ?? likeliest;
      if (reading === undefined) return [];
      const sessionId = idOf.get(reading.token) ?? null;
      // For any other text, a missing session means nothing.
      return sessionId !== null || isWellFormed(reading) ? [{ ...credential, reading, sessionId }] : [];
    });
    const isFound = resolved.some(({ sessionId }) => sessionId !== null);
    const meant = isFound
      ? []
      : perhaps.filter(isKnown).map((token): ResolvedCredential => {
          const reading = { token, signature: null, intact: true };
          const sessionId = idOf.get(token) ?? null;
          return { cookie: null, bearer: false, readings: [reading], reading, sessionId };
        });
    const all = meant.length > 0 ? meant : resolved;
    const isMalformed = all.length === 0 && copies.length === 0 && (!isContext || credentials.length > 0);
    return { place, credentials: all, copies, isMalformed };
  });
}

export function candidatesOf({ credentials, perhaps }: PastedItem): readonly string[] {
  return [...credentials.flatMap(({ readings }) => readings.map(({ token }) => token)), ...perhaps];
}
