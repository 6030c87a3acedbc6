import { isKnownSentence } from './server-sentences.ts';

/** The meaning of an error: the server cannot be reached or refuses. */
export interface Refusal {
  readonly message: string;
  readonly hint: string;
}

/** The code of a driver's or of Node's error, such as `28P01` or `ECONNREFUSED`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Node tries the addresses of a name together and wraps their errors.
  if ('errors' in error && Array.isArray(error.errors)) return errorCode(error.errors[0]);
  return undefined;
}

/** As long, and as mixed, as a deployment's tokens may be. */
const LIKE_A_TOKEN = /\b(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{20,}\b/g;

/** Characters of an error that are read. A server may send any number of them. */
const LONGEST_TEXT = 500;

/**
 * The beginning of the driver's text, without anything that may be a token. Use it to judge an error; show `shownText`.
 */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.slice(0, LONGEST_TEXT).replace(LIKE_A_TOKEN, '…');
}

/** The text of an error that may be shown: for a server's own text only known sentences, otherwise its code. */
export function shownText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!isOfDriver(error) || isKnownSentence(message)) return errorText(error);
  return `code ${codesOf(error)}`;
}

/**
 * The routine inside PostgreSQL that refused, such as `CheckCmdReplicaIdentity`. Unlike the text, it is not translated.
 */
export function serverRoutine(error: unknown): string {
  return textProperty(error, 'routine') ?? '';
}

/** Whether code inside the database, such as a trigger, raised the error. Its text may be anything, even a token. */
export function isRaised(error: unknown): boolean {
  return (
    serverRoutine(error) === 'exec_stmt_raise' ||
    property(error, 'errno') === 1644 ||
    errorCode(error) === 'SQLITE_CONSTRAINT_TRIGGER'
  );
}

/** The code that raised the error, if PostgreSQL names it. The rest of the error's context may contain values. */
export function raisedBy(error: unknown): string {
  const name = /^PL\/pgSQL function ([\w.]+\([\w ,[\]]*\))/.exec(textProperty(error, 'where') ?? '')?.[1];
  return name === undefined ? 'a trigger or other code inside of the database' : `the function ${name}`;
}

/** Whether a server or a driver created the error: its text may contain any values. */
export function isOfDriver(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const hasState = ['severity', 'sqlState', 'sqlMessage'].some((name) => property(error, name) !== undefined);
  return hasState || error.name === 'SqliteError' || QUERY_ERRORS.has(error);
}

const QUERY_ERRORS = new WeakSet<Error>();

/** Removes the query, which Knex puts first, from the text of an error. */
export function withoutQuery(error: Error, query: string): void {
  QUERY_ERRORS.add(error);
  const prefix = `${query} - `;
  if (error.message.startsWith(prefix)) error.message = error.message.slice(prefix.length);
}

/** The same error with its code and its origin, but without its text. */
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

/** The code of an error for a statement that the server did not answer. */
export const SILENCE = 'ECONNABORTED';

const NETWORK: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ECONNREFUSED: ['no server listens there', 'Is the server up, and are the host and port right?'],
  ENOTFOUND: ['the host name is not known', 'Check the spelling of the host.'],
  EAI_AGAIN: [
    'the host name cannot be looked up right now',
    'Check the spelling of the host and the name service.',
  ],
  ETIMEDOUT: [
    'no answer within the connect timeout',
    'Check the host, the port and the firewall, and that it is a server of this kind. Or raise connect_timeout in the profile.',
  ],
  [SILENCE]: [
    'the server did not answer a statement, and the connection was cut',
    'sessionctl waited for statement_timeout plus 5 seconds. Check the server and the network. The statement may still take effect: check before you run the command again.',
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

/** The connection broke, or none is available at present, as while a server restarts. */
export function isBrokenConnection(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ETIMEDOUT', SILENCE].includes(errorCode(error) ?? '');
}

/** The server did not answer a statement. */
export function isSilence(error: unknown): boolean {
  return errorCode(error) === SILENCE;
}

/** A row with this value of a unique key exists already. */
export function isDuplicate(error: unknown): boolean {
  return ['23505', 'ER_DUP_ENTRY', 'SQLITE_CONSTRAINT_UNIQUE'].includes(errorCode(error) ?? '');
}

/**
 * The meaning of a code. The first row whose pattern matches the code applies. `{database}` and `{text}` in the message
 * stand for the database and the server's text: leave `{text}` out where the server puts values into it.
 */
export type RefusalRow = readonly [code: RegExp, message: string, hint: string];

type Meaning = readonly [message: string, hint: string];

export const READ_ONLY: Meaning = [
  '{database} cannot be written: {text}',
  'This server is a replica or was made read-only. Give the URL of the primary.',
];
export const STILL_REFERRED: Meaning = [
  '{database} refuses: {text}',
  'A table of your own refers to sessions and prevents their deletion. Give its foreign key ON DELETE CASCADE or SET NULL.',
];
export const LOCKED: Meaning = [
  '{database} is blocked by another transaction: {text}',
  'Look for a transaction that has been open for a long time, then run the command again.',
];
export const MISSING_RIGHT: Meaning = [
  '{database} refuses: {text}',
  'Give the account the missing right, or use another account. `sessionctl doctor` names what is missing.',
];
export const STOPPED: Meaning = [
  '{database} stopped a query: {text}',
  'Raise statement_timeout in the profile, or narrow the selection.',
];

/** The refusal of the first row that matches, or undefined. */
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

/** A refusal with an unknown code. Its text is not shown: it may contain a token. */
export function unknownRefusal(error: unknown, database: string): Refusal {
  const places = ['table', 'column', 'constraint'].flatMap((name) => {
    const place = textProperty(error, name);
    return place === undefined ? [] : [`${name} ${place.slice(0, LONGEST_NAME)}`];
  });
  return {
    message: `${database} refused (${[`code ${codesOf(error)}`, ...places].join(', ')})`,
    hint: "Its text may contain a token and is not shown: check the server's log for the reason. --verbose shows where it occurred.",
  };
}

/** Maximum characters of a name from a server. */
const LONGEST_NAME = 64;

/** The name of an error and its number, if it has them. */
function codesOf(error: unknown): string {
  const number = property(error, 'errno');
  const code = errorCode(error);
  const known = code === 'UNKNOWN_CODE_PLEASE_REPORT' ? undefined : code?.slice(0, LONGEST_NAME);
  const words = [known, typeof number === 'number' ? String(number) : undefined];
  return words.filter((word) => word !== undefined).join(', ') || 'none';
}

const CERTIFICATE =
  /^(?:DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|CERT_|ERR_TLS_CERT|ERR_SSL|ERR_OSSL|HANDSHAKE_SSL_ERROR)/;

/** Errors of the network or of TLS, which are the same for every server. */
export function networkRefusal(error: unknown, database: string): Refusal | undefined {
  // Knex waited for a connection: the server accepted it, and then did not answer.
  if (error instanceof Error && error.name === 'KnexTimeoutError')
    return networkRefusal({ code: 'ETIMEDOUT' }, database);
  const code = errorCode(error);
  if (code === undefined) return undefined;
  const known = NETWORK[code];
  if (known !== undefined) return { message: `cannot reach ${database}: ${known[0]}`, hint: known[1] };
  if (!CERTIFICATE.test(code)) return undefined;
  return {
    message: `cannot trust ${database}: ${errorText(error)}`,
    hint: 'Set the certificate authority: [profiles.<name>.tls] ca = "…".',
  };
}
