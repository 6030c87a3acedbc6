import type { RedisSettings } from '../../config/settings.ts';
import { UsageError } from '../../errors.ts';

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
 * @throws UsageError for anything else; nothing of the URL is repeated, since a part of it may be the password
 */
export function parseRedisUrl({ url, tls }: Pick<RedisSettings, 'url' | 'tls'>): RedisLocation {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^rediss?:$/.test(parsed.protocol))
    throw unreadable('it is no redis:// or rediss:// URL');
  if (parsed.hash !== '' || parsed.hostname === '')
    throw unreadable('it names no host; a # or / in the password is written %23 or %2F');
  const number = parsed.pathname.replace(/^\//, '');
  if (!/^\d{0,5}$/.test(number))
    throw unreadable('what follows the host is the number of a database, such as /0');
  for (const name of parsed.searchParams.keys()) {
    throw unreadable(`the parameter ${JSON.stringify(name.slice(0, 20))} is not known here`);
  }
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

function unreadable(why: string): UsageError {
  return new UsageError(`the Redis URL cannot be used: ${why}`, {
    hint: 'Write redis://[user[:password]@]host[:port][/database], or rediss:// for TLS.',
  });
}
