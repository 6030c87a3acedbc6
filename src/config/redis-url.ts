import { InvalidValueError } from '../sessions/invalid-value.ts';
import { checkParameters } from './url-parameters.ts';

/** How a Redis URL is written; in one piece with a password in it, it would be taken for one and masked. */
const HINT =
  'Write redis://host[:port][/number], or rediss:// for TLS; user and password stand before the host, as in user:password@.';

/** Schemes of a Unix socket, whose path follows; a bare path will do as well. */
const SOCKET = /^(?:unix|redis\+unix|redis\+socket):\/\/(?=\/)|^(?=\/)/i;

/** Whether the text names a Unix socket. */
export function isRedisSocket(text: string): boolean {
  return SOCKET.test(text);
}

/** The parts of a Redis URL. */
export interface RedisUrl {
  readonly parsed: URL;
  /** The path of a Unix socket; null where a server listens at host and port. */
  readonly socket: string | null;
  /** The number of the database. */
  readonly database: number;
}

/**
 * Reads the form of a Redis URL.
 * @throws InvalidValueError for anything else; nothing of the URL is repeated, since a part of it may be the password
 */
export function readRedisUrl(text: string): RedisUrl {
  const isSocket = isRedisSocket(text);
  const form = isSocket ? text.replace(SOCKET, 'redis://localhost') : text;
  const parsed = /^rediss?:\/\//i.test(form) && URL.canParse(form) ? new URL(form) : null;
  if (parsed === null) throw new InvalidValueError('is no redis:// or rediss:// URL', HINT);
  if (parsed.hash !== '' || parsed.hostname === '')
    throw new InvalidValueError('names no host; a # or / in the password is written %23 or %2F', HINT);
  if (!isSocket && !/^\/?\d{0,5}$/.test(parsed.pathname))
    throw new InvalidValueError(
      'has behind its host something else than the number of a database, such as /0',
      HINT,
    );
  if (!isDecodable(parsed.username) || !isDecodable(parsed.password))
    throw new InvalidValueError('has a % that encodes nothing: the character itself is written %25', HINT);
  checkParameters('redis', parsed.searchParams);
  const inPath = isSocket ? '' : parsed.pathname.replace(/^\//, '');
  const numbers = [inPath, parsed.searchParams.get('db') ?? ''].filter((number) => number !== '').map(Number);
  if (new Set(numbers).size > 1)
    throw new InvalidValueError('names two databases, one behind the host and one as db', HINT);
  if (parsed.searchParams.has('ssl_cert_reqs') && parsed.protocol !== 'rediss:')
    throw new InvalidValueError('has ssl_cert_reqs and no TLS', 'With TLS it begins with rediss://.');
  return {
    parsed,
    socket: isSocket ? decodeURIComponent(parsed.pathname) : null,
    database: numbers[0] ?? 0,
  };
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
