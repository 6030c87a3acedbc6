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

const QUERY = /^\s*(?:select|with|insert|update|delete|set|create|drop|alter|show|pragma)\b/i;
/** As long as what a deployment may have for a token, and as mixed. */
const LIKE_A_TOKEN = /\b(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{20,}\b/g;

/** What the driver said, without what may be a token. Knex puts the whole query in front of it, values and all. */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const own = QUERY.test(message) ? message.slice(message.lastIndexOf(' - ') + 3) : message;
  return own.replace(LIKE_A_TOKEN, '…');
}

/** Whether code inside of the database, such as a trigger, raised the error: its text may be anything, a token too. */
export function isRaised(error: unknown): boolean {
  return (
    property(error, 'routine') === 'exec_stmt_raise' ||
    property(error, 'errno') === 1644 ||
    errorCode(error) === 'SQLITE_CONSTRAINT_TRIGGER'
  );
}

/** Whether a server or a driver made the error, or a query stands in it: nobody knows which values its text holds. */
export function isOfDriver(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const hasState = ['severity', 'sqlState', 'sqlMessage'].some((name) => property(error, name) !== undefined);
  return hasState || error.name === 'SqliteError' || QUERY.test(error.message);
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

/** A foreign key of somebody's own table holds sessions fast. */
export function stillReferred(database: string, text: string): Refusal {
  return {
    message: `${database} refuses: ${text}`,
    hint: 'A table of your own refers to sessions and does not let them go: give its foreign key ON DELETE CASCADE or SET NULL.',
  };
}

/** Somebody held a lock for longer than all attempts took. */
export function lockedByOthers(database: string, text: string): Refusal {
  return {
    message: `${database} is held up by another transaction: ${text}`,
    hint: 'Look for one that has been open for long, and run the command again.',
  };
}

const CERTIFICATE =
  /^(?:DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|CERT_|ERR_TLS_CERT|ERR_SSL|ERR_OSSL)/;

/** What the network or TLS says, which is the same for every server. */
export function networkRefusal(error: unknown, database: string): Refusal | undefined {
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
