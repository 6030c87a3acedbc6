import { isIP } from 'node:net';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import type { Knex } from 'knex';
import { authPlugins } from 'mysql2';
import { isLocalHost } from '../../connect/local-host.ts';
import { firstOf, type Attempt } from '../attempts.ts';

/** The part of mysql2's connection that its types omit. */
interface Connected {
  readonly stream: unknown;
}

/**
 * Makes a client connect by the first attempt that succeeds, and checks that the certificate names the server.
 * @param takesAnyKey the password may be encrypted with a key that the server sends in the clear
 */
export function connectingTo(
  client: Knex.Client,
  attempts: readonly Attempt[],
  takesAnyKey: boolean,
): Knex.Client {
  const settings = attempts.map((attempt) => ({
    ...settingsOfDriver(attempt),
    ...(takesAnyKey || attempt.ssl !== false || isLocalHost(attempt.host)
      ? {}
      : { authPlugins: WITHOUT_KEYS }),
  }));
  return firstOf(client, settings, (connection: Connected, at) => {
    const { host, ssl } = attempts[at] ?? {};
    if (host === undefined || !isIdentified(ssl) || isIP(host) === 0) return Promise.resolve();
    // mysql2 compares only names, and treats an address as localhost.
    const { stream } = connection;
    if (!(stream instanceof TLSSocket)) throw new Error('the connection has no TLS');
    const mismatch = checkServerIdentity(host, stream.getPeerCertificate());
    return mismatch === undefined ? Promise.resolve() : Promise.reject(mismatch);
  });
}

/**
 * The error code for a server that asks for the password encrypted with a key that an attacker on the way could have
 * replaced.
 */
export const KEY_IN_THE_CLEAR = 'KEY_IN_THE_CLEAR';

const WITHOUT_KEYS = Object.fromEntries(
  (['caching_sha2_password', 'sha256_password'] as const).map((name) => [
    name,
    authPlugins[name]({
      // Called before the password is encrypted.
      onServerPublicKey: () => {
        throw Object.assign(new Error('a key in the clear'), { code: KEY_IN_THE_CLEAR });
      },
    }),
  ]),
);

/** mysql2 takes a socket under another option, and compares the certificate's name with the host only if asked to. */
function settingsOfDriver({ host, port, ssl }: Attempt): object {
  const place = host.startsWith('/') ? { socketPath: host } : { host, port };
  if (ssl === false) return { ...place, ssl };
  return { ...place, ssl: { ...ssl, verifyIdentity: isIdentified(ssl) && isIP(host) === 0 } };
}

function isIdentified(ssl: Attempt['ssl'] | undefined): boolean {
  return (
    ssl !== undefined && ssl !== false && ssl.rejectUnauthorized && ssl.checkServerIdentity === undefined
  );
}
