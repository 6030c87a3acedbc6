import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkParameters, LIBPQ_VARIABLES } from '../../config/url-parameters.ts';
import { isPlainUrl } from '../../config/url-secrets.ts';
import { ConfigError, UsageError } from '../../errors.ts';
import { InvalidValueError } from '../../sessions/invalid-value.ts';

/** Where a server listens. */
export interface ServerAddress {
  /** A host name, an address, or the directory (PostgreSQL) or path (MySQL) of a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** The name that the certificate has to have; null where that is the host. */
  readonly certifiedName: string | null;
}

/** A server that listens: PostgreSQL, MySQL or MariaDB. */
export interface ServerLocation {
  readonly dialect: 'postgresql' | 'mysql';
  /** Several, one at least, are tried in this order. */
  readonly addresses: readonly ServerAddress[];
  readonly user: string | null;
  readonly password: string | null;
  /** Empty where only the server is meant. */
  readonly database: string;
  /** As the URL and libpq's variables give them, with absolute paths of files. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Of these parameters, those that a variable gives, and its name. */
  readonly variables: ReadonlyMap<string, string>;
}

export interface FileLocation {
  readonly dialect: 'sqlite';
  /** Absolute. */
  readonly path: string;
  /** The URL says so. */
  readonly readOnly: boolean;
  /** What Prisma takes a relative path for, if its schema is in the usual place; null where the path is absolute. */
  readonly prismaPath: string | null;
}

export type DatabaseLocation = ServerLocation | FileLocation;

type Variables = Readonly<Record<string, string | undefined>>;

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

/** Parameters that are the path of a file. */
const PATHS = ['sslrootcert', 'sslcert', 'sslkey', 'ssl-ca', 'ssl-cert', 'ssl-key'];

/**
 * Understands a database URL.
 * @param cwd absolute; what relative paths start from
 * @param variables the environment, of which libpq's variables give what a PostgreSQL URL leaves open
 * @throws UsageError, or ConfigError for a setting that sessionctl cannot heed; neither repeats the URL, which may hold
 * a password
 */
export function parseDatabaseUrl(url: string, cwd: string, variables: Variables = {}): DatabaseLocation {
  const location = parseServerOrDatabaseUrl(url, cwd, variables);
  if (location.dialect === 'sqlite' || location.database !== '') return location;
  throw new UsageError('the database URL names no database', {
    hint: 'Put its name behind the host: postgres://user@host:5432/name.',
  });
}

/** As `parseDatabaseUrl`; the URL of a server need not name a database. */
export function parseServerOrDatabaseUrl(
  url: string,
  cwd: string,
  variables: Variables = {},
): DatabaseLocation {
  if (!isPlainUrl(url)) {
    throw new UsageError('the database URL cannot be read', {
      hint: 'Special characters of a password are percent-encoded: @ is %40, / is %2F, # is %23, ? is %3F. No quotes or spaces around, and no host=… words.',
    });
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  // One letter is a drive of Windows.
  if (scheme === undefined || scheme.length === 1) return fileAt(url, cwd);
  if (scheme === 'sqlite' || scheme === 'file' || scheme === 'sqlite3') return fileOf(url, scheme, cwd);
  const server = SERVERS[`${scheme}:`];
  if (server === undefined)
    throw new UsageError(
      `the database URL begins with ${JSON.stringify(`${scheme}:`)}, which is no database known here`,
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
    throw new UsageError('the database URL cannot be read', { hint: 'A % in the path is written %25.' });
  }
}

function fileAt(path: string, cwd: string): FileLocation {
  if (path.trim() === '') throw new UsageError('the database URL names no file', { hint: FORMS });
  return { dialect: 'sqlite', path: resolve(cwd, path), readOnly: false, prismaPath: null };
}

function serverAt(
  url: string,
  { dialect, port }: { readonly dialect: ServerLocation['dialect']; readonly port: number },
  cwd: string,
  environment: Variables,
): ServerLocation {
  const { parts, query } = partsOf(url);
  heeding(() => {
    checkParameters(dialect, query);
  });
  const fromUrl = new Map([...parts, ...query]);
  const { values, variables } =
    dialect === 'postgresql'
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
    addresses: addressesOf(socket === undefined ? parameters : parameters.set('host', socket), port),
    user: parameters.get('user') ?? null,
    password: parameters.get('password') ?? null,
    database: parameters.get('dbname') ?? '',
    parameters,
    variables,
  };
}

/**
 * What stands in front of the parameters, by the names of libpq. Of several hosts, which the standard of URLs does not
 * know, host and port are lists.
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

/** libpq's variables for what the URL leaves open, by the names of their parameters. */
function fromVariables(
  environment: Variables,
  fromUrl: ReadonlyMap<string, string>,
): {
  readonly values: readonly (readonly [string, string])[];
  readonly variables: ReadonlyMap<string, string>;
} {
  // Whoever asks for TLS in another word than sslmode has said what to do about it.
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
      throw new ConfigError(`${variable} is set to something that sessionctl does not do`, {
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
  if (hosts.length > 1 && defaultPort === SERVERS['mysql:']?.port)
    throw new ConfigError('the database URL has several hosts', { hint: 'Give the one that is written to.' });
  const fits = (count: number, known: readonly unknown[]) => known.length === 0 || known.length === count;
  if (!fits(hosts.length, names) || !(fits(hosts.length, ports) || ports.length === 1)) {
    throw new ConfigError('the database URL has several hosts, and another number of ports or addresses', {
      hint: 'Give one port for all hosts, or one for each.',
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
    hint: 'Check host and port, which is at most 65535, and percent-encode special characters of a password.',
  });
}

/** @throws ConfigError for what the check complains about */
function heeding(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    throw new ConfigError(`the database URL ${error.message}`, { hint: error.hint });
  }
}

/** A % that encodes nothing stands for itself, as node-postgres takes it. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
