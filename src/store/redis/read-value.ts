import { Buffer } from 'node:buffer';

/**
 * Fields in which adapters wrap Better Auth's text: `value` of keyv, cache-manager and unstorage, `data` of
 * hand-written adapters and of a Buffer in JSON, `json` of superjson.
 */
const WRAPPERS = ['value', 'data', 'json'];
/** Maximum nesting of wrappers: an envelope, a text in it, a Buffer in that. */
const DEEPEST = 6;
/** The prefix with which keyv writes a Buffer as JSON. */
const BASE64 = ':base64:';

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Extracts the content of a value of secondary storage from the forms in which adapters are known to write it: JSON,
 * JSON within a JSON string (the adapter in Better Auth's documentation of 1.0 and 1.1), an envelope around either, a
 * Buffer.
 * @param isIt recognises the content
 * @returns undefined where it is not there
 */
export function unwrapped<Content>(
  text: string,
  isIt: (value: unknown) => value is Content,
): Content | undefined {
  const within = (value: unknown, depth: number): Content | undefined => {
    if (isIt(value)) return value;
    if (depth === 0) return undefined;
    if (typeof value === 'string') {
      const inner = parsed(value.startsWith(BASE64) ? fromBase64(value.slice(BASE64.length)) : value);
      return inner === undefined ? undefined : within(inner, depth - 1);
    }
    if (isBytes(value)) return within(Buffer.from(value).toString('utf8'), depth - 1);
    if (!isFields(value)) return undefined;
    for (const name of WRAPPERS) {
      const found = within(value[name], depth - 1);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return within(text, DEEPEST);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

function isBytes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((byte) => Number.isInteger(byte));
}
