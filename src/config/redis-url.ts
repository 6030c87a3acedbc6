import { InvalidValueError } from '../sessions/invalid-value.ts';

/** How a Redis URL is written; in one piece with a password in it, it would be taken for one and masked. */
const HINT =
  'Write redis://host[:port][/number], or rediss:// for TLS; user and password stand before the host, as in user:password@.';

/**
 * Reads the form of a Redis URL.
 * @throws InvalidValueError for anything else; nothing of the URL is repeated, since a part of it may be the password
 */
export function readRedisUrl(text: string): URL {
  const parsed = /^rediss?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : null;
  if (parsed === null) throw new InvalidValueError('is no redis:// or rediss:// URL', HINT);
  if (parsed.hash !== '' || parsed.hostname === '')
    throw new InvalidValueError('names no host; a # or / in the password is written %23 or %2F', HINT);
  if (!/^\/?\d{0,5}$/.test(parsed.pathname))
    throw new InvalidValueError(
      'has behind its host something else than the number of a database, such as /0',
      HINT,
    );
  if (!isDecodable(parsed.username) || !isDecodable(parsed.password))
    throw new InvalidValueError('has a % that encodes nothing: the character itself is written %25', HINT);
  for (const name of parsed.searchParams.keys())
    throw new InvalidValueError(
      `has a parameter ${JSON.stringify(name.slice(0, 20))}, which is not known here`,
      HINT,
    );
  return parsed;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
