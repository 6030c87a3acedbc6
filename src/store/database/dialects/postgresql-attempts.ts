import type { Knex } from 'knex';
import type { Client } from 'pg';
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { ConfigError, ConnectionError } from '../../../errors.ts';
import type { ServerLocation } from '../database-url.ts';
import { describeLocation } from '../database-url.ts';
import { isLocalHost } from '../local-host.ts';
import { firstOf, type Attempt } from './attempts.ts';

/** What a word of `target_session_attrs` asks a server to be; null where any will do. */
const TARGETS: Readonly<Record<string, 'primary' | 'standby' | null>> = {
  any: null,
  'read-write': 'primary',
  primary: 'primary',
  'read-only': 'standby',
  standby: 'standby',
};

/**
 * Makes a client connect to the first host that is what the URL asks for, over a channel that is bound where it says so.
 * @throws ConfigError for a word that is not known, and for a binding without TLS
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
    `${saidBy(server, name)} says ${name}=${word.slice(0, 40)}, which sessionctl does not do`,
    {
      hint: `It is one of ${words.join(', ')}.`,
    },
  );
}

function saidBy({ variables }: ServerLocation, name: string): string {
  return variables.get(name) ?? 'the database URL';
}

/** What of pg's connection shows how a server lets a client in; pg has no types for it. */
interface Channel extends EventEmitter {
  readonly stream: Socket;
}

/**
 * Lets nothing but SCRAM that is bound to the TLS channel authenticate. pg itself binds where the server offers it, and
 * does without where a server, or what stands between, does not.
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

/** Sends no password in the clear to another host. libpq and pg send it as soon as a server, or what stands between, asks. */
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

/** The text of the error where a server asks for the password in the clear. */
export const CLEAR_PASSWORD = 'the server asks for the password in the clear';

/** The text of the error where channel binding is required and the server does without. */
export const UNBOUND = 'the server does not bind the channel, and channel_binding=require asks for it';
