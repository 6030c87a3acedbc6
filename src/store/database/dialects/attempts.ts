import type { Knex } from 'knex';
import type { TlsSettings } from '../../../config/settings.ts';
import type { ServerLocation } from '../connect/database-url.ts';
import { tlsOptions, triesTls, type TlsOptions } from './tls.ts';

/** One way to connect, in the terms of both drivers. */
export interface Attempt {
  readonly host: string;
  readonly port: number;
  readonly ssl: TlsOptions | false;
}

/** Each host in turn; where TLS is preferred or allowed, each host with and without TLS. */
export function attemptsOf(server: ServerLocation, tls: TlsSettings | null): readonly Attempt[] {
  const ssl = tlsOptions(tls, server.parameters, server.variables);
  const either = ssl === false ? triesTls(server.parameters) : null;
  const unverified = { rejectUnauthorized: false };
  const ways =
    either === null
      ? [ssl]
      : either === 'first'
        ? ([unverified, false] as const)
        : ([false, unverified] as const);
  return server.addresses.flatMap(({ host, port, certifiedName }) => {
    // A Unix socket has no TLS, and libpq ignores sslmode there.
    if (host.startsWith('/')) return [{ host, port, ssl: false }];
    return ways.map((way) => ({
      host,
      port,
      ssl: way === false || certifiedName === null ? way : { ...way, servername: certifiedName },
    }));
  });
}

/** The parts of a Knex client that open a connection. Knex types them as `any`. */
interface Maker<Connection> {
  readonly connectionSettings: object;
  acquireRawConnection(): Promise<Connection>;
  destroyRawConnection(connection: Connection): Promise<void>;
}

/**
 * Makes the client open each connection by the first attempt that succeeds.
 * @param settings of the driver for an attempt, in addition to the client's
 * @param accept throws if the server is not the wanted one
 * @returns the same client
 */
export function firstOf<Connection>(
  client: Knex.Client,
  settings: readonly object[],
  accept: (connection: Connection, at: number) => Promise<void>,
): Knex.Client {
  const maker = client as unknown as Maker<Connection>;
  const acquire = maker.acquireRawConnection.bind(maker);
  maker.acquireRawConnection = async () => {
    let refusal: unknown;
    for (const [at, attempt] of settings.entries()) {
      Object.assign(maker.connectionSettings, attempt);
      try {
        const connection = await acquire();
        try {
          await accept(connection, at);
          return connection;
        } catch (error) {
          await maker.destroyRawConnection(connection).catch(() => undefined);
          throw error;
        }
      } catch (error) {
        refusal = error;
      }
    }
    throw refusal;
  };
  return client;
}
