import type { Knex } from 'knex';
import { withoutQuery } from '../../refusals.ts';

const silence = () => undefined;

/** Settings that every Knex instance here shares. */
export const quietKnex = {
  // With values in them, the queries of error messages would show them.
  compileSqlOnError: false,
  // Knex prints refused connections to stdout, in the middle of the result. They are also thrown, and reported once.
  log: { debug: silence, warn: silence, error: silence, deprecate: silence },
} as const satisfies Knex.Config;

/** Knex over one client. Knex's own entry point loads all of its dialects, which takes most of the start-up time. */
export async function knexOf(client: Knex.Client): Promise<Knex> {
  const { default: makeKnex } = await import('knex/lib/knex-builder/make-knex.js');
  client.on('query-error', (error: Error, { sql }: { readonly sql: string }) => {
    withoutQuery(error, sql);
  });
  return makeKnex(client);
}

/** One connection per run, opened when it is first needed. */
export const oneConnection = { min: 0, max: 1 } as const;

/** The parts of a Knex client that lend its raw connection. Knex types them as `any`. */
interface Lender<Connection> {
  acquireConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): Promise<void>;
}

/**
 * The raw connection of the next query: the present one, or a new one if that was lost. Sends nothing to the server. Do
 * not call it while a query runs: it would wait for the query's end.
 */
export async function presentConnection(knex: Knex): Promise<object> {
  const lender = knex.client as Lender<object>;
  const connection = await lender.acquireConnection();
  await lender.releaseConnection(connection);
  return connection;
}

/** Borrows the driver's connection from Knex for one iteration, and always returns it. */
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
