import type { AuthPlace, ReadUrl } from './auth-reading.ts';
import { whyNot } from './option-reader.ts';
import type { CallValue, ObjectValue, StaticValue } from './static-value.ts';

/**
 * The layer between Better Auth and the database. It decides whether the names in the options are the database's names.
 */
export type Adapter = 'own' | 'drizzle' | 'prisma' | 'other';

export interface ReadDatabase {
  readonly url: ReadUrl;
  readonly adapter: Adapter;
  readonly usePlural: boolean;
  readonly databaseSchema: string | null;
  readonly timeZone: (AuthPlace & { readonly zone: string }) | null;
}

const OPTION = 'database';

/** Drivers by the module that exports them. Other modules are not guessed at. */
const POSTGRESQL = /^(?:pg|pg-pool|postgres|@neondatabase\/serverless|@vercel\/postgres)$/;
const MYSQL = /^mysql2?(?:\/promise)?$/;
const SQLITE = /^(?:better-sqlite3|bun:sqlite|node:sqlite|sqlite3|libsql|@libsql\/client(?:\/.*)?)$/;
/** Modules that wrap a connection. */
const KYSELY = /^(?:kysely|kysely-.*|@libsql\/kysely-libsql)$/;
const DRIZZLE = /^drizzle-orm\/.+$/;
const PRISMA = /^(?:@prisma\/.+|\..*|~.*|@\/.*|.*\/prisma\/client)$/;

/** Reads `database` of the options. */
export function readDatabase(value: StaticValue): ReadDatabase {
  const { adapter, connection, options } = unwrapped(value);
  return {
    url: urlOf(connection),
    adapter,
    usePlural: plain(options, 'usePlural') === true,
    databaseSchema: textOf(plain(options, 'schemaName')),
    timeZone: zoneOf(connection),
  };
}

interface Unwrapped {
  readonly adapter: Adapter;
  readonly connection: StaticValue;
  readonly options: ObjectValue | null;
}

function unwrapped(value: StaticValue): Unwrapped {
  if (value.kind === 'object') {
    const connection = value.entries.get('db') ?? value.entries.get('dialect');
    return { adapter: 'own', connection: connection ?? unread(value, 'names no connection'), options: value };
  }
  if (value.kind === 'call') {
    const [first = unread(value, 'names no connection'), second] = value.args;
    const options = second?.kind === 'object' ? second : null;
    if (value.name === 'drizzleAdapter') return { adapter: 'drizzle', connection: first, options };
    if (value.name === 'prismaAdapter') return { adapter: 'prisma', connection: first, options };
    if (value.name === 'mongodbAdapter')
      return {
        adapter: 'other',
        connection: unread(value, 'is MongoDB, which sessionctl does not work on'),
        options,
      };
    if (value.name.endsWith('Adapter'))
      return {
        adapter: 'other',
        connection: unread(value, `is made by ${value.name}(), which is not known here`),
        options,
      };
  }
  return { adapter: 'own', connection: value, options: null };
}

/** The target of a connection. */
function urlOf(value: StaticValue): ReadUrl {
  if (value.kind !== 'call') return lost(value, whyNot(value, 'connection that can be read'));
  const [first] = value.args;
  const module = value.module ?? '';
  if (POSTGRESQL.test(module)) return serverUrl(value, 'postgres', first);
  if (MYSQL.test(module)) return serverUrl(value, 'mysql', first);
  if (SQLITE.test(module)) return fileUrl(value, first);
  if (KYSELY.test(module)) return handedOn(value, ['dialect', 'pool', 'database', 'url', 'connectionString']);
  if (DRIZZLE.test(module)) return drizzleUrl(value);
  if (value.name.startsWith('Prisma') && PRISMA.test(module)) return prismaUrl(value);
  return lost(value, `is made by ${value.name}(), which is not run`);
}

/** `new Kysely({ dialect })`, `new PostgresDialect({ pool })` and similar calls. */
function handedOn(value: CallValue, keys: readonly string[]): ReadUrl {
  const [first] = value.args;
  if (first?.kind !== 'object')
    return first?.kind === 'call'
      ? urlOf(first)
      : lost(value, `is made by ${value.name}() of something that is not read`);
  const inner = keys.map((key) => first.entries.get(key)).find((entry) => entry !== undefined);
  if (inner === undefined) return lost(value, `is made by ${value.name}() of something that is not read`);
  return inner.kind === 'call' ? urlOf(inner) : textUrl(inner);
}

/** `drizzle(client)`, `drizzle(url)`, `drizzle({ client })`, `drizzle({ connection })`. */
function drizzleUrl(value: CallValue): ReadUrl {
  const [first] = value.args;
  if (first === undefined) return lost(value, 'is made by drizzle() without saying where');
  if (first.kind === 'call') return urlOf(first);
  if (first.kind !== 'object') return isSqlite(value) ? fileUrl(value, first) : textUrl(first);
  const client = first.entries.get('client');
  if (client !== undefined) return urlOf(client);
  const connection = first.entries.get('connection');
  if (connection === undefined) return lost(value, 'is made by drizzle() without saying where');
  if (isSqlite(value))
    return fileUrl(
      value,
      connection.kind === 'object'
        ? (connection.entries.get('url') ?? connection.entries.get('source'))
        : connection,
    );
  return serverUrl(value, (value.module ?? '').includes('mysql') ? 'mysql' : 'postgres', connection);
}

function isSqlite({ module }: CallValue): boolean {
  return /sqlite|libsql/.test(module ?? '');
}

/** Prisma's schema names the URL, unless the client is given another one. */
function prismaUrl(value: CallValue): ReadUrl {
  const [first] = value.args;
  const inner = (key: string) => (first?.kind === 'object' ? first.entries.get(key) : undefined);
  const given = inner('datasourceUrl') ?? inner('adapter') ?? inner('connectionString') ?? inner('url');
  if (given === undefined) return lost(value, 'is named by the schema of Prisma, which is not read');
  return given.kind === 'call' ? urlOf(given) : textUrl(given);
}

function serverUrl(call: CallValue, scheme: 'postgres' | 'mysql', given: StaticValue | undefined): ReadUrl {
  if (given === undefined) return lost(call, 'is named by variables that the driver looks up itself');
  if (given.kind !== 'object') return textUrl(given);
  if (given.openAt !== null) return lost(given, 'is partly named by a spread, which is not read');
  const whole = ['connectionString', 'uri', 'url']
    .map((key) => given.entries.get(key))
    .find((entry) => entry !== undefined);
  return whole === undefined ? composedUrl(given, scheme) : textUrl(whole);
}

/** Host, user and the other parts one by one. A password in the file is not copied. */
function composedUrl(given: ObjectValue, scheme: 'postgres' | 'mysql'): ReadUrl {
  const part = (...keys: readonly string[]) =>
    keys.map((key) => given.entries.get(key)).find((entry) => entry !== undefined);
  const [host, user, password, database, port] = [
    part('host'),
    part('user', 'username'),
    part('password'),
    part('database'),
    part('port'),
  ];
  if (host === undefined || database === undefined)
    return lost(given, 'is named by variables that the driver looks up itself');
  if (password?.kind === 'known')
    return lost(password, 'is given with a password that is in the file itself');
  const texts = [host, database, user, password, port].map((value) =>
    value === undefined ? '' : asReference(value),
  );
  const [hostText, databaseText, userText, passwordText, portText] = texts;
  if (texts.includes(null)) return lost(given, 'is made of parts that cannot all be read');
  const account =
    userText === '' ? '' : `${userText ?? ''}${password === undefined ? '' : `:${passwordText ?? ''}`}@`;
  const text = `${scheme}://${account}${hostText ?? ''}${portText === '' ? '' : `:${portText ?? ''}`}/${databaseText ?? ''}`;
  return { kind: 'reference', text, option: OPTION, line: given.line };
}

/** A part of a URL: literal text must have no special meaning there. */
function asReference(value: StaticValue): string | null {
  if (value.kind === 'reference') return value.text;
  if (value.kind !== 'known') return null;
  const text = String(value.value);
  return /^[\w.-]+$/.test(text) ? text : null;
}

/** A URL, or a variable that holds one. */
export function textUrl(value: StaticValue, option = OPTION): ReadUrl {
  const { line } = value;
  // The application's fallback value is not used: a reference to an unset variable is an error here.
  if (value.kind === 'reference') return { kind: 'reference', text: value.text, option, line };
  if (value.kind === 'known' && typeof value.value === 'string')
    return { kind: 'literal', url: value.value, option, line };
  return { kind: 'unread', why: whyNot(value, 'URL'), option, line };
}

function fileUrl(call: CallValue, given: StaticValue | undefined): ReadUrl {
  const path = given?.kind === 'object' ? given.entries.get('url') : given;
  if (path === undefined) return lost(call, 'is a database in memory');
  const url = textUrl(path);
  if (url.kind !== 'literal') return url;
  if (url.url === ':memory:' || url.url === '') return lost(path, 'is a database in memory');
  if (/^(?!file:)[a-z][a-z0-9+.-]+:/i.test(url.url))
    return lost(path, 'is on a server that sessionctl does not speak to');
  return {
    kind: 'path',
    path: url.url.replace(/^file:(?:\/\/(?=\/))?/i, ''),
    option: OPTION,
    line: path.line,
  };
}

/** mysql2 writes times without a zone in this zone. */
function zoneOf(connection: StaticValue): ReadDatabase['timeZone'] {
  if (connection.kind !== 'call') return null;
  const [first] = connection.args;
  if (!MYSQL.test(connection.module ?? '') || first?.kind !== 'object') return null;
  const zone = first.entries.get('timezone');
  return zone?.kind === 'known' && typeof zone.value === 'string' && zone.value !== 'local'
    ? { zone: zone.value, option: 'timezone', line: zone.line }
    : null;
}

function plain(options: ObjectValue | null, key: string): unknown {
  const value = options?.entries.get(key);
  return value?.kind === 'known' ? value.value : undefined;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function unread(value: StaticValue, why: string): StaticValue {
  return { kind: 'unknown', why, line: value.line };
}

function lost({ line }: StaticValue, why: string): ReadUrl {
  return { kind: 'unread', why, option: OPTION, line };
}
