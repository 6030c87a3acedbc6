import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isPlainUrl } from '../../config/url-secrets.ts';
import { UsageError } from '../../errors.ts';

/** A server that listens: PostgreSQL, MySQL or MariaDB. */
export interface ServerLocation {
  readonly dialect: 'postgresql' | 'mysql';
  /** A host name, an address, or the directory (PostgreSQL) or path (MySQL) of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string | null;
  readonly password: string | null;
  /** Empty where only the server is meant. */
  readonly database: string;
  readonly parameters: ReadonlyMap<string, string>;
}

export interface FileLocation {
  readonly dialect: 'sqlite';
  /** Absolute. */
  readonly path: string;
}

export type DatabaseLocation = ServerLocation | FileLocation;

const SERVERS: Readonly<
  Record<string, { readonly dialect: ServerLocation['dialect']; readonly port: number }>
> = {
  'postgres:': { dialect: 'postgresql', port: 5432 },
  'postgresql:': { dialect: 'postgresql', port: 5432 },
  'mysql:': { dialect: 'mysql', port: 3306 },
  'mariadb:': { dialect: 'mysql', port: 3306 },
};

const FORMS =
  'Use postgres://, postgresql://, mysql:// or mariadb:// with user@host/database, sqlite:<path>, file:<path> or a path.';

/**
 * Understands a database URL.
 * @param cwd absolute; what the relative path of an SQLite file starts from
 * @throws UsageError; its message never repeats the URL, which may hold a password
 */
export function parseDatabaseUrl(url: string, cwd: string): DatabaseLocation {
  const location = parseServerOrDatabaseUrl(url, cwd);
  if (location.dialect === 'sqlite' || location.database !== '') return location;
  throw new UsageError('the database URL names no database', {
    hint: 'Put its name behind the host: postgres://user@host:5432/name.',
  });
}

/** As `parseDatabaseUrl`; the URL of a server need not name a database. */
export function parseServerOrDatabaseUrl(url: string, cwd: string): DatabaseLocation {
  if (!isPlainUrl(url)) {
    throw new UsageError('the database URL cannot be read', {
      hint: 'Special characters of a password are percent-encoded: @ is %40, / is %2F, # is %23, ? is %3F. No quotes or spaces around.',
    });
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  // One letter is a drive of Windows.
  if (scheme === undefined || scheme.length === 1) return fileAt(url, cwd);
  if (scheme === 'file' && url.startsWith('file:///'))
    return fileAt(fileURLToPath(url.replace(/[?#].*$/, '')), cwd);
  if (scheme === 'sqlite' || scheme === 'file' || scheme === 'sqlite3') {
    const path = url
      .slice(scheme.length + 1)
      .replace(/^\/\/(?=\/)/, '')
      .replace(/^\/\//, '');
    return fileAt(path.replace(/\?.*$/, ''), cwd);
  }
  const server = SERVERS[`${scheme}:`];
  if (server === undefined)
    throw new UsageError(
      `the database URL begins with ${JSON.stringify(`${scheme}:`)}, which is no database known here`,
      { hint: FORMS },
    );
  return serverAt(url, server);
}

/** Where the database is, without credentials: `host:port/name`, or the path of the file. */
export function describeLocation(location: DatabaseLocation): string {
  if (location.dialect === 'sqlite') return location.path;
  const name = location.database === '' ? '' : `/${location.database}`;
  if (location.host.startsWith('/')) return `${location.host}${name}`;
  const host = location.host.includes(':') ? `[${location.host}]` : location.host;
  return `${host}:${String(location.port)}${name}`;
}

function fileAt(path: string, cwd: string): FileLocation {
  if (path.trim() === '') throw new UsageError('the database URL names no file', { hint: FORMS });
  return { dialect: 'sqlite', path: resolve(cwd, path) };
}

function serverAt(
  url: string,
  server: { readonly dialect: ServerLocation['dialect']; readonly port: number },
): ServerLocation {
  const parsed = parseServerUrl(url);
  const parameters = new Map(parsed.searchParams);
  const host = decoded(parsed.hostname).replace(/^\[(.*)\]$/, '$1');
  const socket = parameters.get('host') ?? parameters.get('socketPath') ?? parameters.get('socket');
  return {
    dialect: server.dialect,
    host: socket ?? (host === '' ? 'localhost' : host),
    port: parsed.port === '' ? server.port : Number(parsed.port),
    user: parsed.username === '' ? null : decoded(parsed.username),
    password: parsed.password === '' ? null : decoded(parsed.password),
    database: decoded(parsed.pathname.slice(1)),
    parameters,
  };
}

function parseServerUrl(url: string): URL {
  try {
    // `user@/name?host=/socket` has no host, which the standard of URLs does not allow.
    return new URL(url.replace(/^([^/]*\/\/[^/?#]*@)(?=[/?]|$)/, '$1localhost'));
  } catch {
    throw new UsageError('the database URL cannot be read', {
      hint: 'Check host and port, which is at most 65535, and percent-encode special characters of a password.',
    });
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
