import type { Duplex } from 'node:stream';
import type { Knex } from 'knex';
import { SessionctlError } from '../../../errors.ts';
import { isSilence } from '../../refusals.ts';
import { answered } from './answered.ts';

/** How a driver begins and ends transactions. */
export interface TransactionRules<Connection> {
  /**
   * Ends an open transaction and begins a new one. Sets everything that queries rely on, and reads it back.
   * @throws ConnectionError where the server does not keep a setting, or cannot be written although the run writes
   */
  readonly begin: (connection: Connection, isOpen: boolean, purpose: Purpose) => Promise<void>;
  readonly end: (connection: Connection, how: 'COMMIT' | 'ROLLBACK') => Promise<unknown>;
  /** A prefix for queries that only read: it makes load balancers send them to the primary. */
  readonly toPrimary: string;
  /** Whether later queries of a transaction see what others have committed since it began. */
  readonly sharesReads: (connection: Connection) => boolean;
  /** Statements that the server refuses inside a transaction. */
  readonly outside: RegExp | null;
  /** Milliseconds within which the server must answer a statement; null for no limit. */
  readonly answerLimit: number | null;
  /** The same for the next rows of a query without a time limit of the server. */
  readonly silenceLimit: number | null;
  readonly socketOf: (connection: Connection) => Duplex;
}

/** A query as Knex passes it to its client. */
export interface ClientQuery {
  readonly sql: string;
}

/** Work that Knex keeps together, or single queries that follow each other, with a time limit or without. */
export type Purpose = 'work' | 'queries' | 'unlimited queries';

export interface CheckedTransactions<Connection> {
  /** A prefix for queries that only read: it makes load balancers send them to the primary. */
  readonly toPrimary: string;
  /** Sends a query of Knex, including Knex's own BEGIN and COMMIT. */
  query<Query extends ClientQuery>(
    connection: Connection,
    query: Query,
    send: () => Promise<Query>,
  ): Promise<Query>;
  /** Begins a transaction on a connection that is not Knex's, and leaves it open. */
  begin(connection: Connection): Promise<void>;
  /** Reads rows one by one, outside of Knex. */
  stream<Row>(
    connection: Connection,
    isLimited: boolean,
    read: () => AsyncIterable<Row>,
  ): AsyncGenerator<Row, void, undefined>;
}

interface State {
  /** The purpose of the open transaction. */
  open: Purpose | null;
  idle: NodeJS.Timeout | undefined;
  closing: Promise<unknown> | undefined;
}

/** Milliseconds after which a transaction for single queries ends if no other query follows. */
const IDLE = 20;

const READS = /^\s*(?:SELECT|SHOW|EXPLAIN)\b/i;
const BEGIN = /^BEGIN\b/i;
const END = /^(?:COMMIT|ROLLBACK)\b(?! TO)/i;

/**
 * Runs every query of a connection inside a transaction. A pooler may give each transaction another server, so each
 * transaction sets what its queries rely on. Queries that only read share a transaction while they follow each other
 * closely; each change has its own.
 */
export function checkedTransactions<Connection extends object>(
  rules: TransactionRules<Connection>,
): CheckedTransactions<Connection> {
  const states = new WeakMap<Connection, State>();

  const stateOf = (connection: Connection): State => {
    const state = states.get(connection) ?? { open: null, idle: undefined, closing: undefined };
    states.set(connection, state);
    return state;
  };

  /** No other query runs on the connection meanwhile: Knex lends it to one query at a time. */
  async function awaken(connection: Connection): Promise<State> {
    const state = stateOf(connection);
    clearTimeout(state.idle);
    await state.closing;
    return state;
  }

  async function begin(connection: Connection, state: State, open: Purpose): Promise<void> {
    const isOpen = state.open !== null;
    state.open = null;
    try {
      await rules.begin(connection, isOpen, open);
      state.open = open;
    } catch (error) {
      await rules.end(connection, 'ROLLBACK').catch(() => undefined);
      // Knex puts the whole query before the text of an error.
      throw error instanceof SessionctlError ? new Error(NOT_BEGUN, { cause: error }) : error;
    }
  }

  async function end(connection: Connection, state: State, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    if (state.open === null) return;
    state.open = null;
    await rules.end(connection, how);
  }

  function endSoon(connection: Connection, state: State): void {
    state.idle = setTimeout(() => {
      state.closing = end(connection, state, 'COMMIT').catch(() => undefined);
    }, IDLE).unref();
  }

  async function sendQuery<Query extends ClientQuery>(
    connection: Connection,
    query: Query,
    send: () => Promise<Query>,
  ): Promise<Query> {
    const state = await awaken(connection);
    if (BEGIN.test(query.sql)) {
      await begin(connection, state, 'work');
      return query;
    }
    if (state.open === 'work') {
      if (END.test(query.sql)) state.open = null;
      return send();
    }
    if (rules.outside?.test(query.sql) === true) {
      await end(connection, state, 'COMMIT');
      return send();
    }
    const isRead = READS.test(query.sql);
    if (!isRead || state.open !== 'queries') await begin(connection, state, 'queries');
    try {
      const result = await send();
      if (isRead && rules.sharesReads(connection)) endSoon(connection, state);
      else await end(connection, state, 'COMMIT');
      return result;
    } catch (error) {
      await end(connection, state, 'ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  return {
    toPrimary: rules.toPrimary,

    query: (connection, query, send) =>
      answered(rules.answerLimit, rules.socketOf(connection), () => sendQuery(connection, query, send)),

    begin: (connection) => rules.begin(connection, false, 'queries'),

    async *stream(connection, isLimited, read) {
      const state = await awaken(connection);
      const purpose = isLimited ? 'queries' : 'unlimited queries';
      const within = isLimited ? rules.answerLimit : rules.silenceLimit;
      const socket = rules.socketOf(connection);
      if (state.open !== 'work' && state.open !== purpose)
        await answered(rules.answerLimit, socket, () => begin(connection, state, purpose));
      const rows = read()[Symbol.asyncIterator]();
      let isCut = false;
      try {
        for (;;) {
          const next = await answered(within, socket, () => rows.next());
          if (next.done === true) break;
          yield next.value;
        }
      } catch (error) {
        isCut = isSilence(error);
        if (!isCut && state.open !== 'work') await end(connection, state, 'ROLLBACK').catch(() => undefined);
        throw error;
      } finally {
        // After silence this would wait for the next row, which does not come.
        if (!isCut) await rows.return?.();
        if (state.open !== 'work') endSoon(connection, state);
      }
    },
  };
}

const NOT_BEGUN = 'a transaction did not begin';

/** The error that kept a transaction from beginning, as `checkedTransactions` passes it through Knex. */
export function beginningError(error: unknown): SessionctlError | null {
  const isOne = error instanceof Error && error.message.endsWith(NOT_BEGUN);
  return isOne && error.cause instanceof SessionctlError ? error.cause : null;
}

/** The parts of a Knex client that `checkedTransactions` uses. */
export type QueryingClient<Connection> = new (config: Knex.Config) => {
  _query(connection: Connection, query: ClientQuery): Promise<ClientQuery>;
};

/** A Knex client whose queries go through `checkedTransactions`. */
export function checkedClient<Connection extends object>(
  Client: QueryingClient<Connection>,
  transactions: CheckedTransactions<Connection>,
): new (config: Knex.Config) => Knex.Client {
  class CheckedClient extends Client {
    /** On the prototype: Knex makes the clients of its transactions from it. */
    get transactions() {
      return transactions;
    }

    override _query(connection: Connection, query: ClientQuery): Promise<ClientQuery> {
      // A copy, since Knex begins the text of an error with the original query.
      const sent = READS.test(query.sql) ? { ...query, sql: transactions.toPrimary + query.sql } : query;
      return transactions.query(connection, query, () => super._query(connection, sent));
    }
  }
  return CheckedClient as unknown as new (config: Knex.Config) => Knex.Client;
}

/** The transactions that a `checkedClient` uses. */
export function transactionsOf<Connection extends object>(knex: Knex): CheckedTransactions<Connection> {
  return (knex.client as { readonly transactions: CheckedTransactions<Connection> }).transactions;
}
