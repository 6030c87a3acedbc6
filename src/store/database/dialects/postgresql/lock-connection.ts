import type { Knex } from 'knex';
import type { Client } from 'pg';
import { errorCode } from '../../../refusals.ts';
import { answered } from '../answered.ts';
import { transactionsOf } from '../checked-transactions.ts';

/** The error code for "no second connection is available". */
export const NO_SECOND_CONNECTION = 'NO_SECOND_CONNECTION';

/** The two numbers of an advisory lock, as SQL. */
export type LockNumbers = readonly [string, string];

/** Who holds an advisory lock. */
export interface LockHolderRow {
  readonly pid: number;
  readonly name: string | null;
  readonly address: string | null;
  readonly since: string | null;
}

/**
 * A second connection whose open transaction holds an advisory lock. The lock ends with the transaction, so it cannot
 * stay behind in a pooler's pool, and it ends when the process is killed. Between its statements the transaction has no
 * snapshot, so it holds up neither VACUUM nor the building of an index.
 */
export interface LockConnection {
  /** The present connection, or a new one if that was lost. */
  readonly present: () => Promise<object>;
  /**
   * Tries to take the lock, under a name that other runs see.
   * @returns the server's number of this connection if it now holds the lock
   */
  readonly attempt: (lock: LockNumbers, name: string) => Promise<number | null>;
  /** The holder; undefined if it has just released the lock. */
  readonly holder: (lock: LockNumbers) => Promise<LockHolderRow | undefined>;
  readonly close: () => Promise<void>;
}

/** Connects only when needed. */
export function lockConnection(knex: Knex): LockConnection {
  let own: Client | null = null;
  const client = knex.client as Knex.Client & {
    readonly connectionSettings: { readonly connectionTimeoutMillis: number };
  };

  async function present(): Promise<Client> {
    // Knex marks its own connection as lost.
    if (own !== null && '__knex__disposed' in own) own = null;
    own ??= (await client.acquireRawConnection().catch((error: unknown) => {
      throw errorCode(error) === '53300' ? noSecondConnection(error) : error;
    })) as Client;
    return own;
  }

  async function close(): Promise<void> {
    const closed = own;
    own = null;
    await closed?.end();
  }

  return {
    present,
    close,

    // A pooler with a single server for all clients would let the next query wait, perhaps for minutes. So the other
    // connection has a transaction open meanwhile.
    attempt: (lock, name) =>
      knex.transaction(async () => {
        const connection = await present();
        const begun = transactionsOf<Client>(knex).begin(connection);
        await within(client.connectionSettings.connectionTimeoutMillis, begun, () => {
          own = null;
          connection.connection.stream.destroy();
        });
        // Without bound values: a statement with values keeps its snapshot while the transaction is idle.
        const limit = client.connectionSettings.connectionTimeoutMillis;
        const { rows } = await answered(limit, connection.connection.stream, () =>
          connection.query<{ readonly pid: number; readonly got: boolean }>(
            `SELECT pg_backend_pid() AS pid, set_config('application_name', ${connection.escapeLiteral(name)}, true),
                  pg_try_advisory_xact_lock(${lock.join(', ')}) AS got`,
          ),
        );
        const [row] = rows;
        if (row?.got === true) return row.pid;
        await connection.query('ROLLBACK');
        return null;
      }),

    async holder([first, second]) {
      const { rows } = await knex.raw<{ rows: readonly LockHolderRow[] }>(
        `SELECT l.pid, a.application_name AS name, host(a.client_addr) AS address,
                to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
           FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
          WHERE l.locktype = 'advisory' AND l.granted
            AND (l.classid, l.objid, l.objsubid) = (${first}, ${second}, 2)
            AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`,
      );
      return rows[0];
    },
  };
}

async function within(milliseconds: number, work: Promise<void>, giveUp: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      giveUp();
      reject(noSecondConnection());
    }, milliseconds);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

function noSecondConnection(cause?: unknown): Error {
  return Object.assign(new Error('there is no second connection', { cause }), { code: NO_SECOND_CONNECTION });
}
