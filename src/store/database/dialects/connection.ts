import type { Knex } from 'knex';
import { withoutQuery } from '../../refusals.ts';

const silence = () => undefined;

/** What every Knex here has in common. */
export const quietKnex = {
  // With values in them, the queries of error messages would show what was asked for.
  compileSqlOnError: false,
  // Knex prints refused connections to stdout, in the middle of the result; they are thrown as well, and told once.
  log: { debug: silence, warn: silence, error: silence, deprecate: silence },
} as const satisfies Knex.Config;

/** Knex over one client. Its own entrance loads what all of its dialects need; that is most of what starting costs. */
export async function knexOf(client: Knex.Client): Promise<Knex> {
  const { default: makeKnex } = await import('knex/lib/knex-builder/make-knex.js');
  client.on('query-error', (error: Error, { sql }: { readonly sql: string }) => {
    withoutQuery(error, sql);
  });
  return makeKnex(client);
}

/** One connection a run, made when it is first needed. */
export const oneConnection = { min: 0, max: 1 } as const;

/** The parts of a Knex client that lend out its raw connection; Knex types them as `any`. */
interface Lender<Connection> {
  acquireConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): Promise<void>;
}

/**
 * The raw connection that the next query goes on: the one that there is, or a new one where that was lost. Nothing is
 * asked of the server. Not while a query runs, whose end it would wait for.
 */
export async function presentConnection(knex: Knex): Promise<object> {
  const lender = knex.client as Lender<object>;
  const connection = await lender.acquireConnection();
  await lender.releaseConnection(connection);
  return connection;
}

/** Borrows the driver's own connection from Knex for the time of an iteration, and gives it back in every case. */
export async function* withConnection<Connection, Item>(
  knex: Knex,
  use: (connection: Connection) => AsyncIterable<Item>,
): AsyncGenerator<Item, void, undefined> {
  const lender = knex.client as Lender<Connection>;
  const connection = await lender.acquireConnection();
  try {
    yield* use(connection);
  } finally {
    await lender.releaseConnection(connection);
  }
}
