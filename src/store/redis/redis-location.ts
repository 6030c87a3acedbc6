import { readRedisUrl } from '../../config/redis-url.ts';
import type { RedisSettings } from '../../config/settings.ts';
import { ConfigError } from '../../errors.ts';
import { InvalidValueError } from '../../sessions/invalid-value.ts';

/** Where Redis is, as its URL says. */
export interface RedisLocation {
  /** With sentinels, the name of the master that they watch. */
  readonly host: string;
  readonly port: number;
  readonly username: string | null;
  readonly password: string | null;
  /** The number of the database. */
  readonly database: number;
  /** `rediss://`, or a `tls` section in the profile. */
  readonly tls: boolean;
}

const DEFAULT_PORT = 6379;

/**
 * Reads `redis://[user[:password]@]host[:port][/database]`, and `rediss://` for TLS.
 * @throws ConfigError for anything else; nothing of the URL is repeated, since a part of it may be the password
 */
export function parseRedisUrl({ url, tls }: Pick<RedisSettings, 'url' | 'tls'>): RedisLocation {
  const parsed = formOf(url);
  const number = parsed.pathname.replace(/^\//, '');
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port),
    username: parsed.username === '' ? null : decodeURIComponent(parsed.username),
    password: parsed.password === '' ? null : decodeURIComponent(parsed.password),
    database: Number(number === '' ? '0' : number),
    tls: parsed.protocol === 'rediss:' || tls !== null,
  };
}

/** `host:port/number`, fit to be printed. */
export function describeRedis(
  location: RedisLocation,
  settings: Pick<RedisSettings, 'cluster' | 'sentinels'>,
): string {
  const { host, port, database } = location;
  if (settings.sentinels.length > 0)
    return `${host}/${String(database)} of sentinel ${settings.sentinels.join(', ')}`;
  const place = `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
  return settings.cluster ? `the cluster of ${place}` : `${place}/${String(database)}`;
}

function formOf(url: string): URL {
  try {
    return readRedisUrl(url);
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    throw new ConfigError(`the Redis URL ${error.message}`, { hint: error.hint });
  }
}
