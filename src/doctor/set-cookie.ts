/** A cookie as a server sets it, without its value, which may be a session's. */
export interface SetCookie {
  readonly name: string;
  readonly isEmpty: boolean;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  /** In lower case; null where it is not set. */
  readonly sameSite: string | null;
  readonly domain: string | null;
  readonly path: string | null;
  /** Seconds; null where it is not set. */
  readonly maxAge: number | null;
}

/** Parses a `Set-Cookie` header like a browser (RFC 6265, 5.2). */
export function parseSetCookie(header: string): SetCookie {
  const [pair = '', ...attributes] = header.split(';');
  const { name, value } = split(pair);
  const found = new Map(
    attributes.map((attribute) => {
      const { name: key, value: text } = split(attribute);
      return [key.toLowerCase(), text];
    }),
  );
  const maxAge = found.get('max-age');
  return {
    name,
    isEmpty: value === '',
    httpOnly: found.has('httponly'),
    secure: found.has('secure'),
    sameSite: found.get('samesite')?.toLowerCase() ?? null,
    domain: found.get('domain') ?? null,
    path: found.get('path') ?? null,
    maxAge: maxAge !== undefined && /^-?\d+$/.test(maxAge) ? Number(maxAge) : null,
  };
}

function split(pair: string): { readonly name: string; readonly value: string } {
  const equals = pair.indexOf('=');
  return equals < 0
    ? { name: pair.trim(), value: '' }
    : { name: pair.slice(0, equals).trim(), value: pair.slice(equals + 1).trim() };
}
