import type { Knex } from 'knex';
import type { Client } from 'pg';
import type { DatabaseSettings } from '../../../../config/settings.ts';
import { ConnectionError } from '../../../../errors.ts';
import { describeLocation, type ServerLocation } from '../../connect/database-url.ts';
import { answerLimit, silenceLimit } from '../answered.ts';
import { attemptsOf } from '../attempts.ts';
import { checkedClient, checkedTransactions, type TransactionRules } from '../checked-transactions.ts';
import { knexOf, oneConnection, quietKnex } from '../connection.ts';
import { LOCK_TIMEOUT, type Access } from '../dialect.ts';
import { connectingTo } from './attempts.ts';

/**
 * Prepares a connection. No setting that matters is sent at its start: poolers drop or refuse such parameters, and may
 * give each transaction another server. Each transaction sets them at its beginning.
 */
export async function connectPostgresql(
  server: ServerLocation,
  settings: DatabaseSettings,
  access: Access,
): Promise<Knex> {
  const { default: KnexClient } = await import('knex/lib/dialects/postgres/index.js');
  const said = (name: string) => server.parameters.get(name);
  const options = said('options');
  const attempts = attemptsOf(server, settings.tls);
  const transactions = checkedTransactions(rulesOf(describeLocation(server), settings, access));
  const client = new (checkedClient(KnexClient, transactions))({
    client: 'pg',
    // Otherwise Knex asks for the version, and an answer that it cannot read becomes an error that no code catches.
    version: '12',
    ...quietKnex,
    pool: oneConnection,
    acquireConnectionTimeout: attempts.length * settings.connectTimeout + 1000,
    connection: {
      database: server.database,
      ...(server.user === null ? {} : { user: server.user }),
      ...(server.password === null ? {} : { password: server.password }),
      application_name: said('application_name') ?? said('fallback_application_name') ?? 'sessionctl',
      connectionTimeoutMillis: settings.connectTimeout,
      ...(options === undefined ? {} : { options }),
    },
  });
  return knexOf(connectingTo(client, server, attempts));
}

/** The settings that queries rely on, in the form in which the server shows them. */
const RELIED_ON = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
} as const;

/** Load balancers such as pgpool send queries with this prefix to the primary. */
const TO_PRIMARY = '/*NO LOAD BALANCE*/ ';

/** Whether the server can end a query whose client is gone: PostgreSQL 14 and later, certainly on Linux. */
const CAN_MISS_CLIENT = `current_setting('client_connection_check_interval', true) IS NOT NULL AND version() LIKE '%linux%'`;

type BeginRow = Readonly<Record<string, string | boolean>> & { readonly recovering: boolean };

function rulesOf(database: string, settings: DatabaseSettings, access: Access): TransactionRules<Client> {
  const { statementTimeout } = settings;
  const mode = `ISOLATION LEVEL READ COMMITTED${access === 'read' ? ' READ ONLY' : ''}`;
  const expected: Readonly<Record<string, string>> = {
    ...RELIED_ON,
    transaction_isolation: 'read committed',
    ...(access === 'read' ? { transaction_read_only: 'on' } : {}),
  };
  const set = (name: string, value: string) => `set_config('${name}', '${value}', true) AS "${name}"`;
  const settingUp = (isLimited: boolean) => `
${TO_PRIMARY}SELECT pg_is_in_recovery() AS recovering,
  current_setting('transaction_isolation') AS transaction_isolation,
  current_setting('transaction_read_only') AS transaction_read_only,
  current_setting('session_replication_role') AS session_replication_role,
  current_setting('server_encoding') AS server_encoding,
  set_config('client_encoding', CASE current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, true) AS client_encoding,
  ${Object.entries({ ...RELIED_ON, ...timeLimits(isLimited ? statementTimeout : 0, access) })
    .map(([name, value]) => set(name, value))
    .join(', ')},
  CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL THEN set_config('transaction_timeout', '0', true) END,
  CASE WHEN ${CAN_MISS_CLIENT} THEN set_config('client_connection_check_interval', '1s', true) END`;

  return {
    toPrimary: TO_PRIMARY,
    answerLimit: answerLimit(settings, access),
    silenceLimit: silenceLimit(settings),
    socketOf: ({ connection }) => connection.stream,
    sharesReads: () => true,
    outside: /^\s*(?:CREATE|DROP)\s+INDEX\s+CONCURRENTLY\b/i,
    async begin(connection, isOpen, purpose) {
      const before = [...(isOpen ? ['COMMIT'] : []), `BEGIN ${mode}`];
      const setUp = settingUp(purpose !== 'unlimited queries');
      // pgpool sends statements that come together only to the primary, and the replicas must know of transactions that
      // may have savepoints.
      if (purpose === 'work') for (const statement of before.splice(0)) await connection.query(statement);
      const answer = (await connection.query([...before, setUp].join(';'))) as unknown;
      // Several statements return as many results.
      const { rows } = [answer].flat().at(-1) as { readonly rows: readonly BeginRow[] };
      const [row] = rows;
      if (row === undefined) throw new Error('the beginning of a transaction has no answer');
      if (access !== 'read') requireWritable(database, row);
      // A database without an encoding may hold text that is not UTF-8, so it cannot be read as UTF-8.
      const encoding = row['server_encoding'] === 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8';
      const kept = Object.entries({ ...expected, client_encoding: encoding }).find(
        ([name, value]) => row[name] !== value,
      );
      if (kept === undefined) return;
      const [name] = kept;
      throw new ConnectionError(
        `${database} does not keep ${name}: it is ${String(row[name]).slice(0, 40)}`,
        {
          hint: 'Something on the way to the server changes it, such as a pooler. Give the URL of the server itself.',
        },
      );
    },
    end: (connection, how) => connection.query(how),
  };
}

/**
 * Reading waits for locks for as long as the server allows. Ending sessions waits only for a short time: the waiting
 * batch itself holds locks that a request of the application may need. A transaction may be idle: a run's lock is one.
 */
function timeLimits(statementTimeout: number, access: Access): Readonly<Record<string, string>> {
  return {
    statement_timeout: String(access === 'schema' ? 0 : statementTimeout),
    idle_in_transaction_session_timeout: '0',
    ...(access === 'read' ? {} : { lock_timeout: String(access === 'schema' ? 0 : LOCK_TIMEOUT) }),
  };
}

function requireWritable(database: string, row: BeginRow): void {
  if (row.recovering || row['transaction_read_only'] === 'on') {
    const why = row.recovering ? 'it is a replica' : 'its transactions are read-only for this account';
    throw new ConnectionError(`${database} cannot be written: ${why}`, {
      hint: row.recovering
        ? 'Nothing was changed. Give the URL of the primary.'
        : 'Nothing was changed. Use another account, or set default_transaction_read_only to off for this one.',
    });
  }
  if (row['session_replication_role'] === 'replica') {
    throw new ConnectionError(
      `${database} would not run triggers and foreign keys: session_replication_role is replica for this account`,
      { hint: 'Nothing was changed. Use another account, or reset that setting for this one.' },
    );
  }
}
