import { isKnownSentence } from './server-sentences.ts';

/** What an error means: the server cannot be reached or refuses. */
export interface Refusal {
  readonly message: string;
  readonly hint: string;
}

/** The code of a driver's or of Node's error, such as `28P01` or `ECONNREFUSED`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Node tries the addresses of a name together and wraps what each of them answered.
  if ('errors' in error && Array.isArray(error.errors)) return errorCode(error.errors[0]);
  return undefined;
}

/** As long as what a deployment may have for a token, and as mixed. */
const LIKE_A_TOKEN = /\b(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{20,}\b/g;

/** Characters of an error that are read. A server may send any number of them. */
const LONGEST_TEXT = 500;

/** The beginning of what the driver said, without what may be a token. To be judged; `shownText` is to be shown. */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.slice(0, LONGEST_TEXT).replace(LIKE_A_TOKEN, '…');
}

/** What of an error may be shown: of a server's own text only sentences that are known, else its code. */
export function shownText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!isOfDriver(error) || isKnownSentence(message)) return errorText(error);
  return `code ${codesOf(error)}`;
}

/** The routine inside of PostgreSQL that refused, such as `CheckCmdReplicaIdentity`: unlike the text, in no language. */
export function serverRoutine(error: unknown): string {
  return textProperty(error, 'routine') ?? '';
}

/** Whether code inside of the database, such as a trigger, raised the error: its text may be anything, a token too. */
export function isRaised(error: unknown): boolean {
  return (
    serverRoutine(error) === 'exec_stmt_raise' ||
    property(error, 'errno') === 1644 ||
    errorCode(error) === 'SQLITE_CONSTRAINT_TRIGGER'
  );
}

/** What raised the error, as far as PostgreSQL names it. The rest of its context may hold values. */
export function raisedBy(error: unknown): string {
  const name = /^PL\/pgSQL function ([\w.]+\([\w ,[\]]*\))/.exec(textProperty(error, 'where') ?? '')?.[1];
  return name === undefined ? 'a trigger or other code inside of the database' : `the function ${name}`;
}

/** Whether a server or a driver made the error: which values stand in its text is not known. */
export function isOfDriver(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const hasState = ['severity', 'sqlState', 'sqlMessage'].some((name) => property(error, name) !== undefined);
  return hasState || error.name === 'SqliteError' || QUERY_ERRORS.has(error);
}

const QUERY_ERRORS = new WeakSet<Error>();

/** Takes the query, which Knex puts in front, out of the text of an error. */
export function withoutQuery(error: Error, query: string): void {
  QUERY_ERRORS.add(error);
  const prefix = `${query} - `;
  if (error.message.startsWith(prefix)) error.message = error.message.slice(prefix.length);
}

/** The same error with its code and where it came from, but without its text. */
export function withoutText(error: unknown): Error {
  const bare = new Error(errorCode(error) ?? 'no code');
  if (!(error instanceof Error)) return bare;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  bare.name = error.name;
  bare.stack = [`${bare.name}: ${bare.message}`, ...frames].join('\n');
  return bare;
}

function textProperty(error: unknown, name: string): string | undefined {
  const value = property(error, name);
  return typeof value === 'string' ? value : undefined;
}

function property(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null
    ? (error as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

const NETWORK: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ECONNREFUSED: ['nothing listens there', 'Is the server up, and are host and port right?'],
  ENOTFOUND: ['the host name is not known', 'Check the spelling of the host.'],
  EAI_AGAIN: [
    'the host name cannot be looked up at present',
    'Check the spelling of the host and the name service.',
  ],
  ETIMEDOUT: [
    'no answer within the connect timeout',
    'Check host, port and firewall, and that it is such a server; or raise connect_timeout in the profile.',
  ],
  ECONNABORTED: [
    'the server did not answer a statement, and the connection was cut',
    'It was given statement_timeout and 5 seconds. Is the server well, and the network? A statement may still take effect: look before you run the command again.',
  ],
  EHOSTUNREACH: ['the host cannot be reached', 'Check the network and the firewall.'],
  ENETUNREACH: ['the network cannot be reached', 'Check the network and the firewall.'],
  ECONNRESET: [
    'the server closed the connection',
    'Does it expect TLS, or did it restart? See [profiles.<name>.tls].',
  ],
  EPIPE: ['the server closed the connection', 'Did it restart? Run the command again.'],
  EACCES: ['access to the socket is denied', 'Check the permissions of the socket.'],
  ENOENT: ['there is no such socket', 'Check the path of the socket.'],
};

/** The connection broke, or none can be had at present, as while a server restarts. */
export function isBrokenConnection(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ETIMEDOUT', 'ECONNABORTED'].includes(
    errorCode(error) ?? '',
  );
}

/** A unique key has the value already. */
export function isDuplicate(error: unknown): boolean {
  return ['23505', 'ER_DUP_ENTRY', 'SQLITE_CONSTRAINT_UNIQUE'].includes(errorCode(error) ?? '');
}

/**
 * What a code means. The first row whose pattern fits the code decides. `{database}` and `{text}` in the message stand for
 * the database and what the server said: leave `{text}` out where the server puts values into it.
 */
export type RefusalRow = readonly [code: RegExp, message: string, hint: string];

type Meaning = readonly [message: string, hint: string];

export const READ_ONLY: Meaning = [
  '{database} cannot be written: {text}',
  'This is a replica, or was made read-only: give the URL of the primary.',
];
export const STILL_REFERRED: Meaning = [
  '{database} refuses: {text}',
  'A table of your own refers to sessions and does not let them go: give its foreign key ON DELETE CASCADE or SET NULL.',
];
export const LOCKED: Meaning = [
  '{database} is held up by another transaction: {text}',
  'Look for one that has been open for long, and run the command again.',
];
export const MISSING_RIGHT: Meaning = [
  '{database} refuses: {text}',
  'Give the account the missing right, or use another account. `sessionctl doctor` names what is missing.',
];
export const STOPPED: Meaning = [
  '{database} stopped a query: {text}',
  'Raise statement_timeout in the profile, or narrow the selection.',
];

/** The refusal of the first row that fits, or undefined. */
export function lookUpRefusal(
  rows: readonly RefusalRow[],
  code: string,
  error: unknown,
  database: string,
): Refusal | undefined {
  const row = rows.find(([pattern]) => pattern.test(code));
  if (row === undefined) return undefined;
  const [, message, hint] = row;
  const filled = { '{database}': database, '{text}': shownText(error) };
  return {
    message: message.replace(/\{database\}|\{text\}/g, (name) => filled[name as keyof typeof filled]),
    hint,
  };
}

/** A refusal whose code no table knows. Its text is not shown: it may hold a token. */
export function unknownRefusal(error: unknown, database: string): Refusal {
  const places = ['table', 'column', 'constraint'].flatMap((name) => {
    const place = textProperty(error, name);
    return place === undefined ? [] : [`${name} ${place.slice(0, LONGEST_NAME)}`];
  });
  return {
    message: `${database} refused (${[`code ${codesOf(error)}`, ...places].join(', ')})`,
    hint: "Its text may hold a token and is not shown: look into the server's log for the reason. --verbose shows where it arose.",
  };
}

/** Characters that a name of a server's has at most. */
const LONGEST_NAME = 64;

/** The name of an error and its number, as far as it has them. */
function codesOf(error: unknown): string {
  const number = property(error, 'errno');
  const code = errorCode(error);
  const known = code === 'UNKNOWN_CODE_PLEASE_REPORT' ? undefined : code?.slice(0, LONGEST_NAME);
  const words = [known, typeof number === 'number' ? String(number) : undefined];
  return words.filter((word) => word !== undefined).join(', ') || 'none';
}

const CERTIFICATE =
  /^(?:DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|CERT_|ERR_TLS_CERT|ERR_SSL|ERR_OSSL|HANDSHAKE_SSL_ERROR)/;

/** What the network or TLS says, which is the same for every server. */
export function networkRefusal(error: unknown, database: string): Refusal | undefined {
  // Knex waited for a connection: the server took it, and then did not answer.
  if (error instanceof Error && error.name === 'KnexTimeoutError')
    return networkRefusal({ code: 'ETIMEDOUT' }, database);
  const code = errorCode(error);
  if (code === undefined) return undefined;
  const known = NETWORK[code];
  if (known !== undefined) return { message: `cannot reach ${database}: ${known[0]}`, hint: known[1] };
  if (!CERTIFICATE.test(code)) return undefined;
  return {
    message: `cannot trust ${database}: ${errorText(error)}`,
    hint: 'Name the certificate authority: [profiles.<name>.tls] ca = "…".',
  };
}
