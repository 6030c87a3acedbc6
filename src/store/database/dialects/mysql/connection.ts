import type { Duplex } from 'node:stream';
import type { Knex } from 'knex';
import type { Connection, RowDataPacket } from 'mysql2';
import type { DatabaseSettings } from '../../../../config/settings.ts';
import { ConnectionError } from '../../../../errors.ts';
import { describeLocation, type ServerLocation } from '../../connect/database-url.ts';
import { answerLimit, silenceLimit } from '../answered.ts';
import { attemptsOf } from '../attempts.ts';
import { checkedClient, checkedTransactions, type TransactionRules } from '../checked-transactions.ts';
import { knexOf, oneConnection, quietKnex } from '../connection.ts';
import type { Access } from '../dialect.ts';
import { connectingTo } from './attempts.ts';

/**
 * Prepares a connection. Variables are set once: proxies repeat them on each server that receives a connection's
 * queries. Each transaction reads them back, and checks which server it is on.
 */
export async function connectMysql(
  server: ServerLocation,
  settings: DatabaseSettings,
  access: Access,
): Promise<Knex> {
  const { default: KnexClient } = await import('knex/lib/dialects/mysql2/index.js');
  const attempts = attemptsOf(server, settings.tls);
  /** Connections that keep one view of the data for a whole transaction. Their transactions must be short. */
  const withFixedView = new WeakSet<Connection>();
  const transactions = checkedTransactions(
    rulesOf(describeLocation(server), settings, access, (connection) => !withFixedView.has(connection)),
  );

  async function setUp(connection: Connection): Promise<void> {
    const database = connection.promise();
    await database.query('SET NAMES utf8mb4');
    await database.query(sessionVariables(settings));
    if (access !== 'read')
      await database.query('SET SESSION innodb_lock_wait_timeout = 1, SESSION lock_wait_timeout = 1');
    if (access === 'read' || (await mayReadCommitted(connection)))
      await database.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    else withFixedView.add(connection);
  }

  const client = new (checkedClient(KnexClient, transactions))({
    client: 'mysql2',
    ...quietKnex,
    pool: {
      ...oneConnection,
      afterCreate: (connection: Connection, done: (error: Error | null, connection: Connection) => void) => {
        setUp(connection).then(
          () => {
            done(null, connection);
          },
          (refusal: unknown) => {
            done(refusal as Error, connection);
          },
        );
      },
    },
    acquireConnectionTimeout: attempts.length * settings.connectTimeout + 1000,
    connection: {
      ...(server.database === '' ? {} : { database: server.database }),
      ...(server.user === null ? {} : { user: server.user }),
      ...(server.password === null ? {} : { password: server.password }),
      connectTimeout: settings.connectTimeout,
      charset: 'utf8mb4',
      // Whole numbers beyond 2^53 and times stay in the text form that the server wrote.
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
      // The server must never read a file of this machine.
      flags: ['-LOCAL_FILES'],
      connectAttributes: { program_name: 'sessionctl' },
    },
  });
  return knexOf(connectingTo(client, attempts, takesAnyKey(server)));
}

/** By the parameter names of the JDBC driver and of MySQL's own client. */
function takesAnyKey({ parameters }: ServerLocation): boolean {
  return ['allowPublicKeyRetrieval', 'get-server-public-key'].some((name) =>
    /^(?:true|1)$/i.test(parameters.get(name) ?? ''),
  );
}

/**
 * The settings that queries rely on. The mode keeps the escaping of bound values safe (NO_BACKSLASH_ESCAPES), and
 * identifiers quoted by backticks (ANSI_QUOTES).
 */
const RELIED_ON = {
  autocommit: '1',
  sql_mode: 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',
  sql_auto_is_null: '0',
  sql_safe_updates: '0',
  sql_select_limit: '18446744073709551615',
  sql_big_selects: '1',
  foreign_key_checks: '1',
  max_sort_length: '1024',
} as const;

/**
 * If a zone is configured, the connection keeps the server's zone, like the application's connection, and reads back
 * the wall clock that the application wrote. Otherwise timestamps are the moments that the server takes them for.
 */
function reliedOn({ timeZone }: DatabaseSettings): Readonly<Record<string, string>> {
  return timeZone === null ? { ...RELIED_ON, time_zone: '+00:00' } : RELIED_ON;
}

function sessionVariables(settings: DatabaseSettings): string {
  const variables = Object.entries(reliedOn(settings)).map(
    ([name, value]) => `${name} = ${/^\d+$/.test(value) ? value : `'${value}'`}`,
  );
  // With another completion_type, COMMIT would begin the next transaction or end the connection.
  return `SET completion_type = 0, ${variables.join(', ')}${settings.statementTimeout === 0 ? '' : timeLimit(settings.statementTimeout)}`;
}

/** MariaDB and MySQL have different names for it; each executes only the comment meant for it. */
function timeLimit(milliseconds: number): string {
  const seconds = (milliseconds / 1000).toFixed(3);
  return ` /*M! , max_statement_time = ${seconds} */ /*!50708 , max_execution_time = ${String(milliseconds)} */`;
}

const NO_TIME_LIMIT = `SET completion_type = 0${timeLimit(0)}`;

/**
 * Whether writing may lock single rows only, so that requests are not held up. The default also locks the gaps between
 * rows, where every sign-in inserts, and in a deadlock the sign-in would be the victim. A server that writes statements
 * to its binary log does not allow this.
 */
async function mayReadCommitted(connection: Connection): Promise<boolean> {
  const [rows] = await connection
    .promise()
    .query<RowDataPacket[]>(`SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format')`);
  const logged = rows.map((row) => String(row['Value']).toUpperCase());
  return !(logged.includes('ON') && logged.includes('STATEMENT'));
}

/** Variables that mark a server as a replica or read-only. */
const READ_ONLY = ['read_only', 'innodb_read_only'] as const;

function rulesOf(
  database: string,
  settings: DatabaseSettings,
  access: Access,
  sharesReads: TransactionRules<Connection>['sharesReads'],
): TransactionRules<Connection> {
  const expected = reliedOn(settings);
  const check = `SELECT ${[
    ...Object.keys(expected),
    'character_set_client',
    'character_set_results',
    ...READ_ONLY,
  ]
    .map((name) => `@@${name} AS ${name}`)
    .join(', ')}`;
  return {
    // Where nothing may be written, the server also refuses to plan a change.
    outside: /^\s*EXPLAIN\b/i,
    toPrimary: '',
    answerLimit: answerLimit(settings, access),
    silenceLimit: silenceLimit(settings),
    socketOf: (connection) => (connection as unknown as { readonly stream: Duplex }).stream,
    sharesReads,
    async begin(connection, _isOpen, purpose) {
      const on = connection.promise();
      if (purpose === 'unlimited queries') await on.query(NO_TIME_LIMIT);
      // This also ends the open transaction.
      await on.query(`START TRANSACTION${access === 'read' ? ' READ ONLY' : ''}`);
      const [rows] = await on.query<RowDataPacket[]>(check);
      const row: Readonly<Record<string, unknown>> = rows[0] ?? {};
      const isOn = (name: string) => !['0', 'OFF'].includes(String(row[name]));
      const readOnly = READ_ONLY.find(isOn);
      if (access !== 'read' && readOnly !== undefined) {
        throw new ConnectionError(`${database} cannot be written: ${readOnly} is on, as on a replica`, {
          hint: 'Nothing was changed. Give the URL of the primary.',
        });
      }
      const text = { character_set_client: 'utf8mb4', character_set_results: 'utf8mb4' };
      const changed = Object.entries({ ...expected, ...text }).find(
        ([name, value]) => String(row[name]) !== value,
      );
      if (changed === undefined) return;
      const [name] = changed;
      throw new ConnectionError(
        `${database} does not keep ${name}: it is ${String(row[name]).slice(0, 40)}`,
        {
          hint: 'Something on the way to the server changes it, such as a proxy. Give the URL of the server itself.',
        },
      );
    },
    end: (connection, how) => connection.promise().query(how),
  };
}
