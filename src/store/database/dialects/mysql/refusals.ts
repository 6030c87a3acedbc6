import {
  errorCode,
  errorText,
  LOCKED,
  lookUpRefusal,
  MISSING_RIGHT,
  networkRefusal,
  READ_ONLY,
  STILL_REFERRED,
  STOPPED,
  type Refusal,
  type RefusalRow,
} from '../../../refusals.ts';

const ONCE_IN_SYNC =
  'The node may have lost its cluster. Check its state, or give the URL of another node, then run the command again.';

/** Keyed by the driver's name for the error number. */
const ROWS: readonly RefusalRow[] = [
  [/^ER_QUERY_INTERRUPTED$/, ...STOPPED],
  [/^ER_(?:DBACCESS|TABLEACCESS|COLUMNACCESS|SPECIFIC_ACCESS|PROCACCESS)_DENIED_ERROR$/, ...MISSING_RIGHT],
  [
    /^ER_(?:ACCESS_DENIED_(?:NO_PASSWORD_)?ERROR|NOT_SUPPORTED_AUTH_MODE|HOST_NOT_PRIVILEGED|HOST_IS_BLOCKED|ACCOUNT_HAS_BEEN_LOCKED|MUST_CHANGE_PASSWORD(?:_LOGIN)?)$/,
    'cannot use {database}: {text}',
    'Check the user and password of the database URL, and the host that the account is allowed from.',
  ],
  [
    /^ER_(?:BAD_DB_ERROR|NO_DB_ERROR)$/,
    'cannot use {database}: {text}',
    'Check the name of the database at the end of the URL.',
  ],
  [
    /^ER_(?:OPTION_PREVENTS_STATEMENT|READ_ONLY_MODE|CANT_EXECUTE_IN_READ_ONLY_TRANSACTION|OPEN_AS_READONLY|INNODB_READ_ONLY|DB_READ_ONLY|SERVER_OFFLINE_MODE)$/,
    ...READ_ONLY,
  ],
  [/^ER_ROW_IS_REFERENCED(?:_2)?$/, ...STILL_REFERRED],
  [
    /^ER_(?:LOCK_DEADLOCK|LOCK_WAIT_TIMEOUT|CHECKREAD|TRANSACTION_ROLLBACK_DURING_COMMIT|LOCK_NOWAIT)$/,
    ...LOCKED,
  ],
  [
    /^ER_UPDATE_WITHOUT_KEY_IN_SAFE_MODE$/,
    '{database} refuses: {text}',
    "sql_safe_updates is on for this account. Turn it off where it is set: in init_connect or in the server's configuration.",
  ],
  [
    /^ER_(?:SP_DOES_NOT_EXIST|FUNC_INEXISTENT_NAME_COLLISION|UNKNOWN_SYSTEM_VARIABLE|CANT_FIND_UDF|NOT_SUPPORTED_YET)$/,
    '{database} lacks a feature that sessionctl needs: {text}',
    'sessionctl works on MySQL 8.0 and later and MariaDB 10.5 and later. Check the version of the server.',
  ],
  [
    /^ER_(?:CANT_AGGREGATE_(?:2|3|N)COLLATIONS|COLLATION_CHARSET_MISMATCH|UNKNOWN_COLLATION|UNKNOWN_CHARACTER_SET)$/,
    '{database} cannot compare texts: {text}',
    'Columns of the tables differ in character set or collation. Convert them to the same one: ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4.',
  ],
  [
    /^ER_(?:DISK_FULL|DISK_FULL_NOWAIT|RECORD_FILE_FULL|TEMP_FILE_WRITE_FAILURE|ERROR_ON_WRITE)$/,
    '{database} cannot be written: {text}',
    'The disk of the server may be full. Free some space, then run the command again.',
  ],
  [
    /^ER_(?:BEFORE_DML_VALIDATION_ERROR|TABLE_WITHOUT_PK|RUN_HOOK_ERROR)$/,
    '{database} refuses: {text}',
    'Group replication allows changes only to InnoDB tables with a primary key, on a writable member. Check both.',
  ],
  [/^ER_UNKNOWN_COM_ERROR$/, 'cannot use {database}: {text}', ONCE_IN_SYNC],
  [/^ER_ERROR_DURING_COMMIT$/, '{database} refused a commit: {text}', ONCE_IN_SYNC],
  [
    /^ER_(?:BINLOG_LOGGING_IMPOSSIBLE|TRANS_CACHE_FULL|BINLOG_ROW_INJECTION_AND_STMT_MODE)$/,
    '{database} cannot write its binary log: {text}',
    'Check binlog_format and max_binlog_cache_size of the server.',
  ],
  [
    /^ER_(?:NO_SUCH_TABLE|NO_SUCH_TABLE_IN_ENGINE|BAD_TABLE_ERROR|BAD_FIELD_ERROR|TABLE_DEF_CHANGED|KEY_DOES_NOT_EXITS)$/,
    '{database} refuses: {text}',
    'The tables may have changed during the run, for example by a migration. Run the command again.',
  ],
  [
    /^ER_(?:NON_UPDATABLE_TABLE|VIEW_INVALID|NOT_BASE_TABLE)$/,
    '{database} refuses: {text}',
    'sessionctl ends sessions only in ordinary tables. Name the table in [profiles.<name>.schema].',
  ],
  [
    /^ER_NO_SUCH_USER$/,
    '{database} refuses: {text}',
    'A trigger or a view names an account that no longer exists. Recreate it with another DEFINER.',
  ],
  [
    /^ER_(?:CHECK_CONSTRAINT_VIOLATED|BAD_NULL_ERROR)$/,
    '{database} refuses: {text}',
    'A constraint in the database forbids the change. Check the constraints of the table.',
  ],
  [
    /^ER_(?:NOT_KEYFILE|CRASHED_ON_USAGE|CRASHED_ON_REPAIR|INDEX_CORRUPT|TABLE_CORRUPT|TABLESPACE_MISSING)$/,
    '{database} is damaged: {text}',
    'Check the table with CHECK TABLE, and restore a backup if needed.',
  ],
  [
    /^ER_(?:CON_COUNT_ERROR|TOO_MANY_USER_CONNECTIONS|USER_LIMIT_REACHED|SERVER_SHUTDOWN|CONNECTION_KILLED|CLIENT_INTERACTION_TIMEOUT|OUT_OF_RESOURCES|OUTOFMEMORY|OUT_OF_SORTMEMORY|LOCK_TABLE_FULL)$/,
    'cannot use {database}: {text}',
    'Try again in a moment.',
  ],
  [
    /^MYSQL_CLEAR_PASSWORD_NOT_ENABLED$/,
    'cannot use {database}: the server asks for the password in the clear',
    'It was not sent. Check that it is the right server, and use an account that authenticates with caching_sha2_password.',
  ],
  [
    /^KEY_IN_THE_CLEAR$/,
    'cannot use {database}: the server asks for the password, encrypted with a key that it sends in the clear',
    'It was not sent: an attacker on the way could have replaced the key. Use TLS (ssl-mode=VERIFY_IDENTITY), or add allowPublicKeyRetrieval=true to the URL on a trusted network.',
  ],
  [
    /^HANDSHAKE_NO_SSL_SUPPORT$/,
    'cannot use {database}: the server does not offer TLS',
    'Turn TLS on there, or leave it out of the URL and the profile on a trusted network.',
  ],
];

/** MariaDB's own errors. MySQL and the driver have other names for their numbers, or none. */
const BY_NUMBER: Readonly<Record<number, string>> = { 4025: 'ER_CHECK_CONSTRAINT_VIOLATED' };

/** Explains an error of MySQL, of MariaDB or of their driver; undefined for an unknown code. */
export function explainMysql(error: unknown, database: string): Refusal | undefined {
  if (isTimeLimit(error)) return lookUpRefusal(ROWS, 'ER_QUERY_INTERRUPTED', error, database);
  const code = errorCode(error) ?? '';
  if (code === 'PROTOCOL_CONNECTION_LOST')
    return networkRefusal({ code: 'EPIPE', message: errorText(error) }, database);
  if (
    /authentication using unknown plugin|Auth(?:Plugin)?MoreData|Unexpected packet|closed state/i.test(
      errorText(error),
    )
  ) {
    return {
      message: `cannot use ${database}: the server does not answer like a MySQL server`,
      hint: 'Check the host and port. An account with an unusual authentication method must use another one: caching_sha2_password.',
    };
  }
  const number = typeof error === 'object' && error !== null && 'errno' in error ? error.errno : undefined;
  const name = BY_NUMBER[Number(number)] ?? code;
  return lookUpRefusal(ROWS, name, error, database) ?? networkRefusal(error, database);
}

/** Whether the account lacks a right. */
export function isDeniedByMysql(error: unknown): boolean {
  return /^ER_(?:DBACCESS|TABLEACCESS|COLUMNACCESS|SPECIFIC_ACCESS)_DENIED_ERROR$/.test(
    errorCode(error) ?? '',
  );
}

/** The server's time limit. An interrupted operation, such as a sort, may have its own code. */
export function isTimeLimit(error: unknown): boolean {
  return (
    ['ER_STATEMENT_TIMEOUT', 'ER_QUERY_TIMEOUT'].includes(errorCode(error) ?? '') ||
    /max_statement_time exceeded|maximum statement execution time exceeded/i.test(errorText(error))
  );
}
