import * as v from 'valibot';
import { ipv6Subnets, type Ipv6Subnet } from '../sessions/address.ts';
import { cacheStrategies } from '../sessions/cached-copy.ts';
import { formatDuration, parseDuration } from '../sessions/duration.ts';
import { InvalidValueError } from '../sessions/invalid-value.ts';
import { nearest } from '../sessions/nearest.ts';
import { isRelease } from '../sessions/release.ts';
import { schemeOf, serverSchemes } from './database-schemes.ts';
import type { Problem } from './problem.ts';
import { isRedisSocket, readRedisUrl } from './redis-url.ts';
import { checkedReplicaUrl, complaintAboutReplicasOf, replicasHint } from './replica-urls.ts';
import { parseTimeZone } from './time-zone.ts';
import type { KeyPath, TomlDocument } from './toml-document.ts';
import { checkParameters } from './url-parameters.ts';
import { isPlainUrl } from './url-secrets.ts';

/** Replaces a string that depends on an unset variable: it can be neither checked nor used. */
export const unknownText = Symbol('text of an unset variable');

/** A checked profile: only the settings in the file, durations in milliseconds, paths as written. */
export type CheckedProfile = v.InferOutput<typeof profileTable>;
export type CheckedTls = v.InferOutput<typeof tlsTable>;

/** A configuration file in which every setting has been checked. */
export interface CheckedFile {
  readonly defaultProfile: string | null;
  readonly profiles: ReadonlyMap<string, CheckedProfile>;
}

/**
 * Better Auth's own names of the fields that sessionctl reads (better-auth 1.7, `session` and `user` with its plugins).
 */
const sessionFields = [
  'id',
  'token',
  'userId',
  'expiresAt',
  'createdAt',
  'updatedAt',
  'ipAddress',
  'userAgent',
  'impersonatedBy',
  'activeOrganizationId',
  'activeTeamId',
] as const;
const userFields = ['id', 'email', 'name', 'banned', 'banReason', 'banExpires', 'role', 'createdAt'] as const;

const verificationFields = ['id', 'identifier', 'value', 'expiresAt'] as const;

const databaseSchemes = [...Object.keys(serverSchemes), 'sqlite', 'sqlite3', 'file'];
/** The longest that a timer of Node and a timeout of PostgreSQL can hold, in whole days. */
const LONGEST_TIMEOUT = parseDuration('24d');
/** A longer wait would no longer be a wait for a refresh. */
const LONGEST_SETTLE = parseDuration('5m');
const EXAMPLE_SENTINEL = '10.0.0.1:26379';
const EXAMPLE_REPLICA = 'mysql://user@replica';
const urlKeys = ['url', 'url_file', 'url_command'] as const;

const filled = textThat((text) => text);
const timeout = (shortest: number) =>
  textThat((text) => checkedLength(text, shortest, LONGEST_TIMEOUT), '30s');
const lifetime = textThat((text) => checkedLength(text, 1, Number.MAX_SAFE_INTEGER), '7d');
const switched = v.boolean((issue) => `must be true or false, without quotes, not ${kindOf(issue.input)}`);

const tlsTable = table({
  ca: v.optional(filled),
  cert: v.optional(filled),
  key: v.optional(filled),
  reject_unauthorized: v.optional(switched),
});

const schemaTable = table({
  database_schema: v.optional(filled),
  table: v.optional(filled),
  user_table: v.optional(filled),
  columns: v.optional(namesOf(sessionFields)),
  user_columns: v.optional(namesOf(userFields)),
  verification_table: v.optional(filled),
  verification_columns: v.optional(namesOf(verificationFields)),
});

const redisTable = v.pipe(
  table({
    url: v.optional(textThat(checkedRedisUrl)),
    url_file: v.optional(filled),
    // An empty prefix is allowed: the adapters of Better Auth's documentation have none.
    key_prefix: v.optional(anyText((text) => text)),
    tls: v.optional(tlsTable),
    cluster: v.optional(switched),
    sentinels: v.optional(
      v.array(
        textThat(checkedHostAndPort),
        (issue) => `must be an array such as ["${EXAMPLE_SENTINEL}"], not ${kindOf(issue.input)}`,
      ),
    ),
    sentinel_password: v.optional(filled),
    settle: v.optional(textThat((text) => checkedLength(text, 0, LONGEST_SETTLE), '2s')),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    const value: unknown = dataset.value;
    if (isTable(value) && value['cluster'] === true && value['sentinels'] !== undefined)
      addIssue({
        message: `has cluster and sentinels${HINT_MARK}A cluster needs no sentinels: keep one of them.`,
      });
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!isTable(dataset.value)) return;
    const message = complaintAboutChoice(Object.keys(dataset.value), ['url', 'url_file']);
    if (message !== undefined) addIssue({ message });
  }),
);

const sessionTable = table({
  expires_in: v.optional(lifetime),
  // With 0s, Better Auth refreshes at every request.
  update_age: v.optional(textThat((text) => checkedLength(text, 0, Number.MAX_SAFE_INTEGER), '1d')),
  // With 0s, Better Auth treats every session as fresh.
  fresh_age: v.optional(textThat((text) => checkedLength(text, 0, Number.MAX_SAFE_INTEGER), '1d')),
  cookie_cache: v.optional(
    table({
      enabled: v.optional(switched),
      max_age: v.optional(lifetime),
      strategy: v.optional(
        v.picklist(cacheStrategies, `must be one of ${cacheStrategies.map((one) => `"${one}"`).join(', ')}`),
      ),
      version: v.optional(filled),
    }),
  ),
  secondary_storage: v.optional(switched),
  store_in_database: v.optional(switched),
  disable_refresh: v.optional(switched),
  defer_refresh: v.optional(switched),
  preserve_in_database: v.optional(switched),
  maximum_sessions: v.optional(
    v.pipe(
      v.number((issue) => `must be a number without quotes, not ${kindOf(issue.input)}`),
      v.check((count) => Number.isSafeInteger(count) && count > 0, 'must be a whole number of at least 1'),
    ),
  ),
});

const ipTable = table({
  ipv6_subnet: v.optional(
    v.custom<Ipv6Subnet>(
      (bits) => ipv6Subnets.some((known) => known === bits),
      ({ input }) =>
        `must be 32, 48, 64 or 128, without quotes, not ${typeof input === 'string' ? JSON.stringify(input) : kindOf(input)}${HINT_MARK}Use the application's advanced.ipAddress.ipv6Subnet; Better Auth's default is 64.`,
    ),
  ),
});

const authTable = table({
  secret: v.optional(filled),
  former_secrets: v.optional(
    v.array(filled, (issue) => `must be an array such as ["\${OLD_SECRET}"], not ${kindOf(issue.input)}`),
  ),
  base_url: v.optional(textThat((text) => checkedScheme(text, ['http', 'https']))),
  cookie_prefix: v.optional(filled),
  release: v.optional(textThat(checkedRelease)),
  jwt_expires_in: v.optional(lifetime),
});

const profileTable = v.pipe(
  table({
    url: v.optional(textThat(checkedDatabaseUrl)),
    url_file: v.optional(filled),
    url_command: v.optional(filled),
    env_file: v.optional(filled),
    replicas: v.optional(
      v.array(
        textThat(checkedReplicaUrl),
        (issue) => `must be an array of URLs such as ["${EXAMPLE_REPLICA}"], not ${kindOf(issue.input)}`,
      ),
    ),
    time_zone: v.optional(textThat(parseTimeZone)),
    statement_timeout: v.optional(timeout(0)),
    connect_timeout: v.optional(timeout(1)),
    tls: v.optional(tlsTable),
    schema: v.optional(schemaTable),
    redis: v.optional(redisTable),
    session: v.optional(sessionTable),
    ip: v.optional(ipTable),
    auth: v.optional(authTable),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!isTable(dataset.value)) return;
    const message = complaintAboutChoice(Object.keys(dataset.value), urlKeys);
    if (message !== undefined) addIssue({ message });
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    const value: unknown = dataset.value;
    if (!isTable(value)) return;
    const { url, replicas } = value;
    if (typeof url !== 'string' || !Array.isArray(replicas) || replicas.length === 0) return;
    const message = complaintAboutReplicasOf(url);
    if (message === undefined) return;
    addIssue({
      message: `${message}${HINT_MARK}${replicasHint}`,
      path: [{ type: 'object', origin: 'key', input: value, key: 'replicas', value: replicas }],
    });
  }),
);

const fileTable = table({
  default_profile: v.optional(filled),
  profiles: v.optional(
    v.record(v.string(), profileTable, (issue) => `must be a table, not ${kindOf(issue.input)}`),
  ),
});

/**
 * Checks everything in a document and reports all of its problems at once.
 * @param root the document's value, references replaced
 * @param lineOf gives the line of a key
 */
export function checkFile(
  root: unknown,
  lineOf: TomlDocument['lineOf'],
): { readonly file: CheckedFile } | { readonly problems: readonly Problem[] } {
  const result = v.safeParse(fileTable, root);
  const problems = (result.issues ?? []).map((issue) => problemOf(issue, lineOf));
  const names = isTable(root) && isTable(root['profiles']) ? Object.keys(root['profiles']) : [];
  const chosen = isTable(root) ? root['default_profile'] : undefined;
  if (typeof chosen === 'string' && names.length > 0 && !names.includes(chosen)) {
    const message = `default_profile: there is no profile ${JSON.stringify(chosen)}`;
    problems.push({ line: lineOf(['default_profile']), column: null, message, hint: suggest(chosen, names) });
  }
  if (names.length === 0 && problems.length === 0) {
    problems.push({
      line: 1,
      column: null,
      message: 'there are no profiles',
      hint: 'Write a profile as a table [profiles.<name>].',
    });
  }
  if (!result.success || problems.length > 0) return { problems: problems.sort((a, b) => a.line - b.line) };
  const { default_profile: defaultProfile, profiles = {} } = result.output;
  return { file: { defaultProfile: defaultProfile ?? null, profiles: new Map(Object.entries(profiles)) } };
}

/** `Did you mean "url"?` if a known name is similar, otherwise all known names. */
export function suggest(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? `Use one of ${known.join(', ')}.` : `Did you mean ${JSON.stringify(near)}?`;
}

/** A table in which every key is known. valibot's own strict object would report only the first unknown key. */
function table<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.custom<Readonly<Record<string, unknown>>>(
      isTable,
      (issue) => `must be a table, not ${kindOf(issue.input)}`,
    ),
    v.looseObject(entries),
    v.rawCheck(({ dataset, addIssue }) => {
      const value: unknown = dataset.value;
      if (!isTable(value)) return;
      const known = Object.keys(entries);
      for (const key of Object.keys(value).filter((name) => !known.includes(name))) {
        addIssue({
          message: `unknown key${HINT_MARK}${suggest(key, known)}`,
          path: [{ type: 'object', origin: 'key', input: value, key, value: value[key] }],
        });
      }
    }),
  );
}

/** A table from Better Auth's names to the database's. */
function namesOf<const Field extends string>(fields: readonly Field[]) {
  const optional = v.optional(filled);
  return table(
    Object.fromEntries(fields.map((field) => [field, optional])) as Record<Field, typeof optional>,
  );
}

/** A string that is not empty and that `read` accepts. */
function textThat<Value>(read: (text: string) => Value, example?: string) {
  return anyText((text) => {
    if (text.trim() === '') throw new InvalidValueError('must not be empty');
    return read(text);
  }, example);
}

function anyText<Value>(read: (text: string) => Value, example?: string) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, Value | undefined>(({ dataset, addIssue, NEVER }) => {
      const { value } = dataset;
      if (value === unknownText) return undefined;
      if (typeof value !== 'string') {
        addIssue({
          message: `must be a string in quotes${example === undefined ? '' : ` such as "${example}"`}, not ${kindOf(value)}`,
        });
        return NEVER;
      }
      try {
        return read(value);
      } catch (error) {
        if (!(error instanceof InvalidValueError)) throw error;
        addIssue({
          message: error.hint === undefined ? error.message : `${error.message}${HINT_MARK}${error.hint}`,
        });
        return NEVER;
      }
    }),
  );
}

function checkedLength(text: string, shortest: number, longest: number): number {
  const length = parseDuration(text);
  if (length < shortest) throw new InvalidValueError(`${JSON.stringify(text)} is zero`);
  if (length > longest)
    throw new InvalidValueError(`${JSON.stringify(text)} is longer than ${formatDuration(longest)}`);
  return length;
}

/** A text without a scheme is the path of a SQLite file; a single letter is a Windows drive. */
function checkedDatabaseUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]+:/i.test(text)) return text;
  checkedScheme(text, databaseSchemes);
  const kind = serverSchemes[schemeOf(text) ?? '']?.protocol ?? 'sqlite';
  if (isPlainUrl(text)) checkParameters(kind, new URLSearchParams(/\?(.*)$/s.exec(text)?.[1]));
  return text;
}

function checkedHostAndPort(text: string): string {
  if (/^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\]):\d{1,5}$/i.test(text)) return text;
  throw new InvalidValueError('is not a host with a port', `Write it as ${EXAMPLE_SENTINEL}.`);
}

/** The parts of the URL are read and checked again where it is used. */
function checkedRedisUrl(text: string): string {
  readRedisUrl(isRedisSocket(text) ? text : checkedScheme(text, ['redis', 'rediss']));
  return text;
}

function checkedRelease(text: string): string {
  if (isRelease(text)) return text;
  throw new InvalidValueError(
    `must be a release of Better Auth, not ${JSON.stringify(text)}`,
    'Write the release that `npm ls better-auth` shows, such as "1.7.25".',
  );
}

/** The message never contains the URL itself: it may contain a password. */
function checkedScheme(text: string, schemes: readonly string[]): string {
  const scheme = schemeOf(text);
  if (scheme !== undefined && schemes.includes(scheme)) return text;
  throw new InvalidValueError(
    scheme === undefined
      ? 'must be a URL'
      : `begins with ${JSON.stringify(`${scheme}:`)}, which is not supported`,
    scheme === undefined
      ? `Begin it with ${schemes.map((known) => `${known}:`).join(', ')}.`
      : suggest(scheme, schemes),
  );
}

/** The problem with a choice between keys of which exactly one is needed. */
function complaintAboutChoice(given: readonly string[], keys: readonly string[]): string | undefined {
  const chosen = keys.filter((key) => given.includes(key));
  if (chosen.length > 1) return `has ${chosen.join(' and ')}${HINT_MARK}Keep one of them.`;
  // A misspelt key is already reported. Reporting the missing right key would repeat the same mistake.
  const isMisspelt = given.some((key) => keys.includes(nearest(key, keys) ?? ''));
  return chosen.length === 1 || isMisspelt
    ? undefined
    : `has no URL${HINT_MARK}Set one of ${keys.join(', ')}.`;
}

/** A valibot issue is a single text: this separates the problem from the hint. */
const HINT_MARK = '\n';

function problemOf(issue: v.BaseIssue<unknown>, lineOf: TomlDocument['lineOf']): Problem {
  const path: KeyPath = (issue.path ?? []).map((item) => String(item.key));
  const [message = '', hint] = issue.message.split(HINT_MARK);
  const name = path.join('.');
  return {
    line: lineOf(path),
    column: null,
    message: name === '' ? message : `${name}: ${message}`,
    hint: hint ?? null,
  };
}

function kindOf(value: unknown): string {
  if (value === unknownText) return 'a string';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'a table' : `a ${typeof value}`;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
