import { InvalidValueError } from '../sessions/invalid-value.ts';
import { checkParameters } from './url-parameters.ts';

/** The form of a Redis URL. With an example password in it, the redactor would mask the hint. */
const HINT =
  'Write redis://host[:port][/number], or rediss:// for TLS. Put user and password before the host, as in user:password@.';

/** Schemes of a Unix socket, followed by its path; a bare path works as well. */
const SOCKET = /^(?:unix|redis\+unix|redis\+socket):\/\/(?=\/)|^(?=\/)/i;

export function isRedisSocket(text: string): boolean {
  return SOCKET.test(text);
}

export interface RedisUrl {
  readonly parsed: URL;
  /** The path of a Unix socket; null where a server listens at host and port. */
  readonly socket: string | null;
  /** The number of the database. */
  readonly database: number;
}

/**
 * Parses a Redis URL.
 * @throws InvalidValueError for anything else; the message repeats no part of the URL, which may be the password
 */
export function readRedisUrl(text: string): RedisUrl {
  const isSocket = isRedisSocket(text);
  const form = isSocket ? text.replace(SOCKET, 'redis://localhost') : text;
  const parsed = /^rediss?:\/\//i.test(form) && URL.canParse(form) ? new URL(form) : null;
  if (parsed === null) throw new InvalidValueError('is not a redis:// or rediss:// URL', HINT);
  if (parsed.hash !== '' || parsed.hostname === '')
    throw new InvalidValueError('names no host; write a # or / in the password as %23 or %2F', HINT);
  if (!isSocket && !/^\/?\d{0,5}$/.test(parsed.pathname))
    throw new InvalidValueError(
      'has something other than a database number, such as /0, after its host',
      HINT,
    );
  if (!isDecodable(parsed.username) || !isDecodable(parsed.password))
    throw new InvalidValueError('has a % that encodes nothing; write the character itself as %25', HINT);
  checkParameters('redis', parsed.searchParams);
  const inPath = isSocket ? '' : parsed.pathname.replace(/^\//, '');
  const numbers = [inPath, parsed.searchParams.get('db') ?? ''].filter((number) => number !== '').map(Number);
  if (new Set(numbers).size > 1)
    throw new InvalidValueError('names two databases, one after the host and one as db', HINT);
  if (parsed.searchParams.has('ssl_cert_reqs') && parsed.protocol !== 'rediss:')
    throw new InvalidValueError('has ssl_cert_reqs but no TLS', 'For TLS, begin the URL with rediss://.');
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
