import type { ReadSecondary, ReadUrl } from './auth-reading.ts';
import { textUrl } from './database-option.ts';
import { whyNot } from './option-reader.ts';
import type { CallValue, FunctionValue, ObjectValue, ParameterUse, StaticValue } from './static-value.ts';

const OPTION = 'secondaryStorage';
/** The default prefix of `@better-auth/redis-storage`. */
const OWN_PREFIX = 'better-auth:';
const CLIENTS = /^(?:ioredis|iovalkey|redis|@redis\/client)$/;
/** Methods of a client that return the client. */
const CHAINED = ['on', 'once', 'connect', 'duplicate'];

interface ReadClient {
  readonly url: ReadUrl;
  /** The prefix that the client itself adds to every key. */
  readonly keyPrefix: string | null;
  readonly cluster: boolean;
}

/** Reads `secondaryStorage` of the options. */
export function readSecondary(value: StaticValue): Omit<ReadSecondary, 'isCertain'> {
  const place = { option: OPTION, line: value.line };
  const { client, prefix } = parts(value);
  const read = readClient(client);
  const keyPrefix = prefix === null || read.keyPrefix === null ? null : read.keyPrefix + prefix;
  return {
    ...place,
    url: read.url,
    keyPrefix,
    cluster: read.cluster,
  };
}

interface Parts {
  readonly client: StaticValue;
  readonly prefix: string | null;
}

function parts(value: StaticValue): Parts {
  if (value.kind === 'object') return handWritten(value);
  if (value.kind === 'call' && value.name === 'redisStorage' && value.module !== null) {
    const [options] = value.args;
    if (options?.kind !== 'object' || options.openAt !== null)
      return { client: unread(value, 'is given options that are not read'), prefix: null };
    const client = options.entries.get('client') ?? unread(value, 'names no client');
    return { client, prefix: textOf(options.entries.get('keyPrefix'), OWN_PREFIX) };
  }
  return { client: unread(value, whyNot(value, 'object')), prefix: null };
}

/** `{ get, set, delete }`: all of them have to use the same client and the same prefix. */
function handWritten(value: ObjectValue): Parts {
  const methods = ['get', 'set', 'delete'].map((name) => value.entries.get(name));
  if (value.openAt !== null || !methods.every(isFunction))
    return { client: unread(value, 'has methods that are not read'), prefix: null };
  const uses = methods.map((method) => method.uses());
  const all = uses.flat();
  const [first] = all;
  if (first === undefined || uses.some((some) => some.length === 0))
    return { client: unread(value, 'has methods that are not read'), prefix: null };
  const sameClient = all.every(({ of }) => sameValue(of, first.of));
  const samePrefix = all.every(({ prefix }: ParameterUse) => prefix === first.prefix);
  return {
    client: sameClient ? first.of : unread(value, 'uses more than one client'),
    prefix: samePrefix ? first.prefix : null,
  };
}

function isFunction(value: StaticValue | undefined): value is FunctionValue {
  return value?.kind === 'function';
}

/** Whether both values come from the same place of the file. */
function sameValue(a: StaticValue, b: StaticValue): boolean {
  return (
    a.kind === b.kind && (a.kind === 'unknown' && b.kind === 'unknown' ? a.why === b.why : a.line === b.line)
  );
}

function readClient(value: StaticValue): ReadClient {
  if (value.kind === 'call' && value.of !== null && CHAINED.includes(value.name)) return readClient(value.of);
  if (value.kind !== 'call') return lost(value, whyNot(value, 'client that can be read'));
  if (!CLIENTS.test(value.module ?? '')) {
    const why =
      value.module === '@upstash/redis'
        ? 'speaks to Redis over HTTP, which sessionctl does not'
        : `is made by ${value.name}(), which is not run`;
    return lost(value, why);
  }
  if (value.name === 'Cluster' || value.name === 'createCluster')
    return { ...lost(value, 'is a cluster, whose nodes are not read'), cluster: true };
  return value.name === 'createClient' ? nodeRedis(value) : ioredis(value);
}

/** `createClient({ url })`. */
function nodeRedis(value: CallValue): ReadClient {
  const [options] = value.args;
  if (options === undefined) return local(value);
  if (options.kind !== 'object' || options.openAt !== null)
    return lost(value, 'is given options that are not read');
  const url = options.entries.get('url');
  if (
    url !== undefined &&
    onlyHas(options, ['url', 'name', 'socket', 'pingInterval', 'disableOfflineQueue', 'RESP'])
  )
    return { url: textUrl(url, OPTION), keyPrefix: '', cluster: false };
  return lost(value, 'is given parts of a URL instead of one');
}

/** `new Redis(url, { keyPrefix })`, `new Redis({ host, port, db, keyPrefix })`. */
function ioredis(value: CallValue): ReadClient {
  const [first, second] = value.args;
  if (first === undefined) return local(value);
  const options = [first, second].find((one) => one?.kind === 'object');
  if (options?.kind === 'object' && options.openAt !== null)
    return lost(value, 'is given options that are not read');
  const entries = options?.kind === 'object' ? options.entries : new Map<string, StaticValue>();
  const keyPrefix = textOf(entries.get('keyPrefix'), '');
  if (['sentinels', 'password', 'username', 'tls', 'path'].some((key) => entries.has(key)))
    return { ...lost(value, 'is given parts of a URL instead of one'), keyPrefix };
  if (first.kind !== 'object') {
    const url =
      second !== undefined && second.kind !== 'object'
        ? lost(value, 'is given options that are not read').url
        : textUrl(first, OPTION);
    return {
      url: entries.has('db') ? lost(value, 'is given the number of its database beside the URL').url : url,
      keyPrefix,
      cluster: false,
    };
  }
  const [host, port, db] = [
    known(entries.get('host'), 'localhost'),
    known(entries.get('port'), 6379),
    known(entries.get('db'), 0),
  ];
  if (host === null || port === null || db === null)
    return { ...lost(value, 'is given parts of a URL instead of one'), keyPrefix };
  const text = `redis://${host}:${port}${db === '0' ? '' : `/${db}`}`;
  return { url: { kind: 'reference', text, option: OPTION, line: value.line }, keyPrefix, cluster: false };
}

function onlyHas({ entries }: ObjectValue, keys: readonly string[]): boolean {
  return [...entries.keys()].every((key) => keys.includes(key));
}

function local({ line }: CallValue): ReadClient {
  return {
    url: { kind: 'reference', text: 'redis://localhost:6379', option: OPTION, line },
    keyPrefix: '',
    cluster: false,
  };
}

/** Literal text, or the default; null where it is not known. */
function textOf(value: StaticValue | undefined, absent: string): string | null {
  if (value === undefined || (value.kind === 'known' && value.value === undefined)) return absent;
  return value.kind === 'known' && typeof value.value === 'string' ? value.value : null;
}

function known(value: StaticValue | undefined, absent: string | number): string | null {
  if (value === undefined) return String(absent);
  if (value.kind === 'reference') return value.text;
  return value.kind === 'known' && /^[\w.-]+$/.test(String(value.value)) ? String(value.value) : null;
}

function unread(value: StaticValue, why: string): StaticValue {
  return { kind: 'unknown', why, line: value.line };
}

function lost({ line }: StaticValue, why: string): ReadClient {
  return { url: { kind: 'unread', why, option: OPTION, line }, keyPrefix: '', cluster: false };
}
