import type { Refusal } from './dialect.ts';

/** The code of a driver's or of Node's error, such as `28P01` or `ECONNREFUSED`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Node tries the addresses of a name together and wraps what each of them answered.
  if ('errors' in error && Array.isArray(error.errors)) return errorCode(error.errors[0]);
  return undefined;
}

/** What the driver said; Knex puts the whole query in front of it. */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const isQuery = /^\s*(?:select|with|insert|update|delete|set|create|drop|alter|pragma)\b/i.test(message);
  return isQuery ? message.slice(message.lastIndexOf(' - ') + 3) : message;
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
export function stillReferred(database: string, text: string, cause: unknown): Refusal {
  return {
    message: `${database} refuses: ${text}`,
    hint: 'A table of your own refers to sessions and does not let them go: give its foreign key ON DELETE CASCADE or SET NULL.',
    cause,
  };
}

/** Somebody held a lock for longer than all attempts took. */
export function lockedByOthers(database: string, text: string, cause: unknown): Refusal {
  return {
    message: `${database} is held up by another transaction: ${text}`,
    hint: 'Look for one that has been open for long, and run the command again.',
    cause,
  };
}

const CERTIFICATE =
  /^(?:DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|CERT_|ERR_TLS_CERT|ERR_SSL|ERR_OSSL)/;

/** What the network or TLS says, which is the same for every server. */
export function networkRefusal(error: unknown, database: string): Refusal | undefined {
  const code = errorCode(error);
  if (code === undefined) return undefined;
  const known = NETWORK[code];
  if (known !== undefined)
    return { message: `cannot reach ${database}: ${known[0]}`, hint: known[1], cause: error };
  if (!CERTIFICATE.test(code)) return undefined;
  return {
    message: `cannot trust ${database}: ${errorText(error)}`,
    hint: 'Name the certificate authority: [profiles.<name>.tls] ca = "…".',
    cause: error,
  };
}
