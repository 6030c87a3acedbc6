import type { Knex } from 'knex';
import type { Client } from 'pg';
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { ConfigError, ConnectionError } from '../../../../errors.ts';
import type { ServerLocation } from '../../connect/database-url.ts';
import { describeLocation } from '../../connect/database-url.ts';
import { isLocalHost } from '../../connect/local-host.ts';
import { firstOf, type Attempt } from '../attempts.ts';

/** The kind of server that a value of `target_session_attrs` asks for; null for any. */
const TARGETS: Readonly<Record<string, 'primary' | 'standby' | null>> = {
  any: null,
  'read-write': 'primary',
  primary: 'primary',
  'read-only': 'standby',
  standby: 'standby',
};

/**
 * Makes a client connect to the first host of the kind that the URL asks for, with channel binding if the URL requires
 * it.
 * @throws ConfigError for an unknown value, and for channel binding without TLS
 */
export function connectingTo(
  client: Knex.Client,
  server: ServerLocation,
  attempts: readonly Attempt[],
): Knex.Client {
  const binding = wordOf(server, 'channel_binding', ['disable', 'prefer', 'require']) ?? 'disable';
  const target = TARGETS[wordOf(server, 'target_session_attrs', Object.keys(TARGETS)) ?? 'any'] ?? null;
  if (binding === 'require') {
    if (attempts.some(({ ssl }) => ssl === false)) {
      throw new ConfigError(
        `${saidBy(server, 'channel_binding')} requires channel binding, which needs TLS`,
        {
          hint: 'Add sslmode=require or sslmode=verify-full, or leave channel_binding out.',
        },
      );
    }
    bindChannels(client);
  }
  keepPasswords(client);
  const settings = attempts.map((attempt) => ({ ...attempt, enableChannelBinding: binding !== 'disable' }));
  return firstOf(client, settings, async (connection: Client) => {
    if (target === null) return;
    const { rows } = await connection.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
    if ((rows[0]?.standby === true) === (target === 'standby')) return;
    throw new ConnectionError(`cannot use ${describeLocation(server)}: no host is a ${target}`, {
      hint: `${saidBy(server, 'target_session_attrs')} asks for one.`,
    });
  });
}

function wordOf(server: ServerLocation, name: string, words: readonly string[]): string | undefined {
  const word = server.parameters.get(name);
  if (word === undefined || words.includes(word)) return word;
  throw new ConfigError(
    `${saidBy(server, name)} has ${name}=${word.slice(0, 40)}, which sessionctl does not support`,
    {
      hint: `Use one of ${words.join(', ')}.`,
    },
  );
}

function saidBy({ variables }: ServerLocation, name: string): string {
  return variables.get(name) ?? 'the database URL';
}

/** The part of pg's connection that shows how a server authenticates a client. pg has no types for it. */
interface Channel extends EventEmitter {
  readonly stream: Socket;
}

/**
 * Allows authentication only by SCRAM that is bound to the TLS channel. pg itself binds if the server offers it, and
 * omits the binding if the server, or an attacker on the way, does not.
 */
function bindChannels(client: Knex.Client): void {
  const knexClient = client as unknown as { driver: { readonly Client: typeof Client } };
  const { Client: Unbound } = knexClient.driver;
  class Bound extends Unbound {
    constructor(config: ConstructorParameters<typeof Client>[0]) {
      super(config);
      const { connection: channel } = this as unknown as { readonly connection: Channel };
      let isProven = false;
      const refuse = () => {
        channel.emit('error', new Error(UNBOUND));
        channel.stream.destroy();
      };
      channel.on('authenticationCleartextPassword', refuse);
      channel.on('authenticationMD5Password', refuse);
      channel.on('authenticationSASL', ({ mechanisms }: { readonly mechanisms: readonly string[] }) => {
        if (!mechanisms.includes('SCRAM-SHA-256-PLUS')) refuse();
      });
      channel.on('authenticationSASLFinal', () => {
        isProven = true;
      });
      channel.on('authenticationOk', () => {
        if (!isProven) refuse();
      });
    }
  }
  knexClient.driver = { ...knexClient.driver, Client: Bound };
}

/**
 * Sends no password in the clear to another host. libpq and pg send it as soon as a server, or an attacker on the way,
 * asks.
 */
function keepPasswords(client: Knex.Client): void {
  const knexClient = client as unknown as { driver: { readonly Client: typeof Client } };
  const { Client: Trusting } = knexClient.driver;
  class Careful extends Trusting {
    constructor(config: { readonly host: string; readonly ssl: unknown }) {
      super(config as ConstructorParameters<typeof Client>[0]);
      if (config.ssl !== false || isLocalHost(config.host)) return;
      const { connection: channel } = this as unknown as { readonly connection: Channel };
      channel.on('authenticationCleartextPassword', () => {
        channel.emit('error', new Error(CLEAR_PASSWORD));
        channel.stream.destroy();
      });
    }
  }
  knexClient.driver = { ...knexClient.driver, Client: Careful as unknown as typeof Client };
}

/** The error text where a server asks for the password in the clear. */
export const CLEAR_PASSWORD = 'the server asks for the password in the clear';

/** The error text where channel binding is required and the server does not offer it. */
export const UNBOUND = 'the server does not support channel binding, and channel_binding=require asks for it';
