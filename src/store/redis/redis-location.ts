import { readRedisUrl, type RedisUrl } from '../../config/redis-url.ts';
import type { RedisSettings } from '../../config/settings.ts';
import { ConfigError } from '../../errors.ts';
import { InvalidValueError } from '../../sessions/invalid-value.ts';

/** Where Redis is, according to its URL. */
export interface RedisLocation {
  /** With sentinels, the name of the master that they watch. */
  readonly host: string;
  readonly port: number;
  /** The path of a Unix socket, which replaces host and port; null where there is none. */
  readonly socket: string | null;
  /** The address family for looking up the host; 0 for either, null for the client's default. */
  readonly family: 0 | 4 | 6 | null;
  readonly username: string | null;
  readonly password: string | null;
  /** The number of the database. */
  readonly database: number;
  /** `rediss://`, or a `tls` section in the profile. */
  readonly tls: boolean;
  /** The URL turns the check of the certificate off. */
  readonly unverified: boolean;
}

const DEFAULT_PORT = 6379;

/**
 * Reads `redis://[user[:password]@]host[:port][/database]`, `rediss://` for TLS, and the path of a socket.
 * @throws ConfigError for anything else, without repeating any part of the URL, which may be the password
 */
export function parseRedisUrl({ url, tls }: Pick<RedisSettings, 'url' | 'tls'>): RedisLocation {
  const { parsed, socket, database } = formOf(url);
  const family = parsed.searchParams.get('family');
  const verification = parsed.searchParams.get('ssl_cert_reqs');
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port),
    socket,
    family: family === null ? null : (Number(family) as 0 | 4 | 6),
    username: parsed.username === '' ? null : decodeURIComponent(parsed.username),
    password: parsed.password === '' ? null : decodeURIComponent(parsed.password),
    database,
    tls: parsed.protocol === 'rediss:' || tls !== null,
    unverified: tls === null && verification?.toLowerCase().endsWith('none') === true,
  };
}

/** `host:port/number`, safe to print. */
export function describeRedis(
  location: RedisLocation,
  settings: Pick<RedisSettings, 'cluster' | 'sentinels'>,
): string {
  const { host, port, socket, database } = location;
  if (socket !== null) return `${socket}/${String(database)}`;
  if (settings.sentinels.length > 0)
    return `${host}/${String(database)} of sentinel ${settings.sentinels.join(', ')}`;
  const place = `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
  return settings.cluster ? `the cluster of ${place}` : `${place}/${String(database)}`;
}

function formOf(url: string): RedisUrl {
  try {
    return readRedisUrl(url);
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    throw new ConfigError(`the Redis URL ${error.message}`, { hint: error.hint });
  }
}
