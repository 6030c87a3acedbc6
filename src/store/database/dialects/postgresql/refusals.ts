import {
  errorCode,
  errorText,
  LOCKED,
  lookUpRefusal,
  MISSING_RIGHT,
  networkRefusal,
  READ_ONLY,
  serverRoutine,
  shownText,
  STILL_REFERRED,
  STOPPED,
  type Refusal,
  type RefusalRow,
} from '../../../refusals.ts';
import { CLEAR_PASSWORD, UNBOUND } from './attempts.ts';
import { NO_SECOND_CONNECTION } from './lock-connection.ts';

/** Keyed by SQLSTATE, followed by the name of the routine in the server that refused. */
const ROWS: readonly RefusalRow[] = [
  [/^25006/, ...READ_ONLY],
  [/^(?:23503|23001)/, ...STILL_REFERRED],
  [/^(?:40001|40P01|55P03)/, ...LOCKED],
  [/^42501/, ...MISSING_RIGHT],
  [/^57014/, ...STOPPED],
  [
    /^55000 CheckCmdReplicaIdentity/,
    '{database} refuses: {text}',
    'The table is in a publication. Give it a primary key, or run ALTER TABLE … REPLICA IDENTITY USING INDEX <a unique index> (or FULL).',
  ],
  [
    /^21000/,
    '{database} refuses: {text}',
    'A guard such as safeupdate may be loaded for this account. Use an account without it.',
  ],
  [
    /^(?:42883|42704|42P22|42P21)/,
    '{database} lacks a feature that sessionctl needs: {text}',
    'sessionctl works on PostgreSQL 12 and later. Check the version, and whether the search_path of the account hides pg_catalog.',
  ],
  [
    /^0A000/,
    '{database} does not support a query of sessionctl: {text}',
    'The reason may be a collation, an extension, or a server that is not PostgreSQL itself.',
  ],
  [
    /^(?:42P01|42703|3F000)/,
    '{database} refuses: {text}',
    'The tables may have changed during the run, for example by a migration. Run the command again.',
  ],
  [
    /^42809/,
    '{database} refuses: {text}',
    'sessionctl ends sessions only in ordinary tables. Name the table in [profiles.<name>.schema].',
  ],
  [
    /^(?:23502|23505|23514|23P01|44000)/,
    '{database} refuses: {text}',
    'A constraint in the database forbids the change. Check the constraints of the table.',
  ],
  [
    /^22P05/,
    '{database} has an encoding that lacks a letter of a given value',
    'Nothing was done. Leave that value out: nothing in this database can match it.',
  ],
  [
    /^53100/,
    '{database} cannot be written: {text}',
    'The disk of the server is full. Free some space, then run the command again.',
  ],
  [
    /^XX00[12]/,
    '{database} is damaged: {text}',
    'Check the server and its disk, and restore a backup if needed.',
  ],
  [
    /^58/,
    '{database} cannot read or write its files: {text}',
    "Check the server's disk and its log, then run the command again.",
  ],
  [
    /^28/,
    'cannot use {database}: {text}',
    'Check the user and password of the database URL, and pg_hba.conf for this host.',
  ],
  [/^3D/, 'cannot use {database}: {text}', 'Check the name of the database at the end of the URL.'],
  [/^(?:53|57P|08|25P03)/, 'cannot use {database}: {text}', 'Try again in a moment.'],
];

/** Explains an error of PostgreSQL or of its driver; undefined for an unknown code. */
export function explainPostgresql(error: unknown, database: string): Refusal | undefined {
  const code = errorCode(error) ?? '';
  const text = errorText(error);
  if (code === NO_SECOND_CONNECTION) {
    return {
      message: `${database} gives sessionctl no second connection`,
      hint: 'Nothing was changed. The lock of a run needs its own connection. Allow at least two, in the pooler (pool size) and for the account (CONNECTION LIMIT).',
    };
  }
  if (/query_wait_timeout/i.test(text)) {
    return {
      message: `cannot use ${database}: all connections of the pooler were busy for too long`,
      hint: 'Try again in a moment, or raise the pool size of the pooler (PgBouncer: default_pool_size).',
    };
  }
  if (/transaction blocks not allowed in statement pooling mode/i.test(text)) {
    return {
      message: `cannot use ${database}: the pooler is in statement mode, which allows no transactions`,
      hint: 'Give the URL of a pool in transaction or session mode, or of the server itself.',
    };
  }
  if (/unsupported startup parameter/i.test(text)) {
    return {
      message: `cannot use ${database}: ${shownText(error)}`,
      hint: 'The pooler refuses this parameter. Add it to ignore_startup_parameters there, or leave it out of the URL.',
    };
  }
  const known = lookUpRefusal(ROWS, `${code} ${serverRoutine(error)}`, error, database);
  if (known !== undefined) return known;
  if (/timeout expired|Connection terminated due to connection timeout/i.test(text)) {
    return networkRefusal({ code: 'ETIMEDOUT', message: text }, database);
  }
  if (/SASL: .*client password must be a/i.test(text)) {
    return {
      message: `cannot use ${database}: the server asks for a password, and none was given`,
      hint: 'Put the password into the database URL, or use url_file or url_command.',
    };
  }
  if (/received invalid response|received unexpected/i.test(text)) {
    return {
      message: `cannot use ${database}: the server there is not a PostgreSQL server`,
      hint: 'Check the host and port, and whether the URL should begin with mysql://.',
    };
  }
  if (text === CLEAR_PASSWORD) {
    return {
      message: `cannot use ${database}: ${text}`,
      hint: 'It was not sent: an attacker on the way could read it. Use TLS (sslmode=verify-full), or set the server to scram-sha-256.',
    };
  }
  if (text === UNBOUND) {
    return {
      message: `cannot use ${database}: ${text}`,
      hint: 'For such a server, leave channel_binding out or set it to prefer.',
    };
  }
  if (/server does not support SSL/i.test(text)) {
    return {
      message: `cannot use ${database}: the server does not offer TLS`,
      hint: 'Turn TLS on there. On a trusted network, leave it out of the URL, of PGSSLMODE and of the profile.',
    };
  }
  if (/Connection terminated|not queryable/i.test(text))
    return networkRefusal({ code: 'EPIPE', message: text }, database);
  return networkRefusal(error, database);
}
