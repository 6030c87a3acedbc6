import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { schemeOf, serverSchemes, type ServerScheme } from '../../../config/database-schemes.ts';
import { checkParameters, LIBPQ_VARIABLES } from '../../../config/url-parameters.ts';
import { isPlainUrl } from '../../../config/url-secrets.ts';
import { ConfigError, UsageError } from '../../../errors.ts';
import { InvalidValueError } from '../../../sessions/invalid-value.ts';

/** Where a server listens. */
export interface ServerAddress {
  /** A host name, an address, or the directory (PostgreSQL) or path (MySQL) of a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** The name that the certificate must have; null for the host's own. */
  readonly certifiedName: string | null;
}

/** A PostgreSQL, MySQL or MariaDB server. */
export interface ServerLocation extends Pick<ServerScheme, 'dialect' | 'protocol'> {
  /** At least one; tried in this order. */
  readonly addresses: readonly ServerAddress[];
  readonly user: string | null;
  readonly password: string | null;
  /** Empty if only the server is meant. */
  readonly database: string;
  /** From the URL and libpq's variables, with absolute file paths. */
  readonly parameters: ReadonlyMap<string, string>;
  /** For each of these parameters that a variable gives, the name of the variable. */
  readonly variables: ReadonlyMap<string, string>;
}

export interface FileLocation {
  readonly dialect: 'sqlite';
  /** Absolute. */
  readonly path: string;
  /** The URL asks for read-only. */
  readonly readOnly: boolean;
  /** The file that Prisma means by a relative path if its schema is in the usual place; null for an absolute path. */
  readonly prismaPath: string | null;
}

export type DatabaseLocation = ServerLocation | FileLocation;

type Variables = Readonly<Record<string, string | undefined>>;

const FORMS =
  'Use postgres://, postgresql://, mysql:// or mariadb:// with user@host/database, sqlite:<path>, file:<path> or a path.';

/** Parameters that hold a file path. */
const PATHS = ['sslrootcert', 'sslcert', 'sslkey', 'ssl-ca', 'ssl-cert', 'ssl-key'];

/**
 * Parses a database URL.
 * @param cwd absolute; relative paths start here
 * @param variables the environment; libpq's variables fill in what a PostgreSQL URL omits
 * @throws UsageError, or ConfigError for a setting that sessionctl cannot apply; neither repeats the URL, which may
 * contain a password
 */
export function parseDatabaseUrl(url: string, cwd: string, variables: Variables = {}): DatabaseLocation {
  const location = parseServerOrDatabaseUrl(url, cwd, variables);
  if (location.dialect === 'sqlite' || location.database !== '') return location;
  throw new UsageError('the database URL names no database', {
    hint: 'Add its name after the host: postgres://user@host:5432/name.',
  });
}

/** Like `parseDatabaseUrl`; the URL of a server need not name a database. */
export function parseServerOrDatabaseUrl(
  url: string,
  cwd: string,
  variables: Variables = {},
): DatabaseLocation {
  if (!isPlainUrl(url)) {
    throw new UsageError('the database URL cannot be read', {
      hint: 'Percent-encode special characters of a password: @ is %40, / is %2F, # is %23, ? is %3F. Leave out quotes and spaces around the URL, and host=… words.',
    });
  }
  const scheme = schemeOf(url);
  // A single letter is a Windows drive.
  if (scheme === undefined || scheme.length === 1) return fileAt(url, cwd);
  if (scheme === 'sqlite' || scheme === 'file' || scheme === 'sqlite3') return fileOf(url, scheme, cwd);
  const server = serverSchemes[scheme];
  if (server === undefined)
    throw new UsageError(
      `the database URL begins with ${JSON.stringify(`${scheme}:`)}, which is not a known kind of database`,
      { hint: FORMS },
    );
  return serverAt(url, server, cwd, variables);
}

/** Where the database is, without credentials: `host:port/name`, or the path of the file. */
export function describeLocation(location: DatabaseLocation): string {
  if (location.dialect === 'sqlite') return location.path;
  const name = location.database === '' ? '' : `/${location.database}`;
  return `${location.addresses.map(describeAddress).join(',')}${name}`;
}

function describeAddress({ host, port }: ServerAddress): string {
  if (host.startsWith('/')) return port === 5432 || port === 3306 ? host : `${host}:${String(port)}`;
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}

function fileOf(url: string, scheme: string, cwd: string): FileLocation {
  const [, rest = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(url.slice(scheme.length + 1)) ?? [];
  const parameters = new URLSearchParams(query);
  heeding(() => {
    checkParameters('sqlite', parameters);
  });
  const readOnly = parameters.get('mode') === 'ro' || parameters.get('immutable') === '1';
  if (scheme === 'file' && rest.startsWith('///'))
    return { ...fileAt(pathOf(`file:${rest.replace(/#.*$/, '')}`), cwd), readOnly };
  const path = rest.replace(/^\/\/(?=\/)/, '').replace(/^\/\//, '');
  const prismaPath = scheme === 'file' && !path.startsWith('/') ? resolve(cwd, 'prisma', path) : null;
  return { ...fileAt(path, cwd), readOnly, prismaPath };
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    throw new UsageError('the database URL cannot be read', { hint: 'Write a % in the path as %25.' });
  }
}

function fileAt(path: string, cwd: string): FileLocation {
  if (path.trim() === '') throw new UsageError('the database URL names no file', { hint: FORMS });
  return { dialect: 'sqlite', path: resolve(cwd, path), readOnly: false, prismaPath: null };
}

function serverAt(
  url: string,
  { dialect, protocol, port }: ServerScheme,
  cwd: string,
  environment: Variables,
): ServerLocation {
  const { parts, query } = partsOf(url);
  heeding(() => {
    checkParameters(protocol, query);
  });
  const fromUrl = new Map([...parts, ...query]);
  const { values, variables } =
    protocol === 'postgresql'
      ? fromVariables(environment, fromUrl)
      : { values: [], variables: new Map<string, string>() };
  const parameters = new Map([...values, ...fromUrl]);
  for (const name of PATHS) {
    const path = parameters.get(name);
    if (path !== undefined && path !== 'system') parameters.set(name, resolve(cwd, path));
  }
  const socket = parameters.get('socketPath') ?? parameters.get('socket');
  return {
    dialect,
    protocol,
    addresses: addressesOf(socket === undefined ? parameters : parameters.set('host', socket), port),
    user: parameters.get('user') ?? null,
    password: parameters.get('password') ?? null,
    database: parameters.get('dbname') ?? '',
    parameters,
    variables,
  };
}

/**
 * The part before the parameters, under libpq's names. The URL standard allows one host; several are lists of hosts and
 * ports.
 */
function partsOf(url: string): {
  readonly parts: ReadonlyMap<string, string>;
  readonly query: URLSearchParams;
} {
  const [, start = '', hosts = '', end = ''] = /^([^/]*\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/s.exec(url) ?? [];
  const parsed = new URL(`${start}localhost${end}`);
  const listed = hosts
    .split(',')
    .map((text) => /^(\[.*\]|[^:]*):?(.*)$/.exec(text) ?? [])
    .map(([, host = '', port = '']) => ({ host: decoded(host).replace(/^\[(.*)\]$/, '$1'), port }));
  const ports = listed.map((each) => each.port).join(',');
  const parts = Object.entries({
    host: hosts === '' ? '' : listed.map((each) => each.host).join(','),
    port: /\d/.test(ports) ? ports : '',
    user: decoded(parsed.username),
    password: decoded(parsed.password),
    dbname: decoded(parsed.pathname.slice(1)),
  }).filter(([, value]) => value !== '');
  return { parts: new Map(parts), query: parsed.searchParams };
}

/** libpq's variables for everything that the URL omits, under the names of their parameters. */
function fromVariables(
  environment: Variables,
  fromUrl: ReadonlyMap<string, string>,
): {
  readonly values: readonly (readonly [string, string])[];
  readonly variables: ReadonlyMap<string, string>;
} {
  // A URL that asks for TLS by a parameter other than sslmode has set the mode already.
  const asksForTls = ['ssl', 'sslaccept'].some((name) => fromUrl.has(name));
  const given = Object.entries(LIBPQ_VARIABLES).flatMap(([variable, name]) => {
    const value = environment[variable];
    const isOpen = !fromUrl.has(name) && !(name === 'sslmode' && asksForTls);
    return value === undefined || value === '' || !isOpen ? [] : [{ variable, name, value }];
  });
  for (const { variable, name, value } of given) {
    if (name === 'hostaddr' && fromUrl.has('host')) {
      throw new ConfigError('PGHOSTADDR is set, and the database URL names another host', {
        hint: 'Unset PGHOSTADDR, or add hostaddr=<address> to the URL.',
      });
    }
    try {
      checkParameters('postgresql', [[name, value]]);
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      throw new ConfigError(`${variable} has a value that sessionctl does not support`, {
        hint: `Unset ${variable} for sessionctl: env -u ${variable} sessionctl …`,
      });
    }
  }
  return {
    values: given.map(({ name, value }) => [name, value] as const),
    variables: new Map(given.map(({ name, variable }) => [name, variable])),
  };
}

function addressesOf(parameters: ReadonlyMap<string, string>, defaultPort: number): readonly ServerAddress[] {
  const list = (name: string) => parameters.get(name)?.split(',') ?? [];
  const [names, addresses, ports] = [list('host'), list('hostaddr'), list('port')];
  const hosts = addresses.length > 0 ? addresses : names.length > 0 ? names : ['localhost'];
  if (hosts.length > 1 && defaultPort === serverSchemes['mysql']?.port)
    throw new ConfigError('the database URL has several hosts', { hint: 'Give only the primary.' });
  const fits = (count: number, known: readonly unknown[]) => known.length === 0 || known.length === count;
  if (!fits(hosts.length, names) || !(fits(hosts.length, ports) || ports.length === 1)) {
    throw new ConfigError('the database URL has several hosts and a different number of ports or addresses', {
      hint: 'Give one port for all hosts, or one port for each host.',
    });
  }
  return hosts.map((host, at) => ({
    host: host === '' ? 'localhost' : host,
    port: portOf(ports[ports.length === 1 ? 0 : at] ?? '', defaultPort),
    certifiedName: addresses.length === 0 ? null : (names[at] ?? null),
  }));
}

function portOf(text: string, defaultPort: number): number {
  if (text === '') return defaultPort;
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536) return Number(text);
  throw new UsageError('the database URL cannot be read', {
    hint: 'Check the host and the port (at most 65535), and percent-encode special characters of a password.',
  });
}

/** @throws ConfigError if the check fails */
function heeding(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    throw new ConfigError(`the database URL ${error.message}`, { hint: error.hint });
  }
}

/** A % that encodes nothing is kept as it is, like in node-postgres. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
