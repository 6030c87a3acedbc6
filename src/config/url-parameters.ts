import { InvalidValueError } from '../sessions/invalid-value.ts';

/**
 * How sessionctl handles a parameter of a URL: `used`; `secret`, which is used and never shown; `ignored`, since it
 * concerns only the application's own connections; or a pattern: values that match are used or ignored, others are
 * refused.
 */
type Rule = 'used' | 'secret' | 'ignored' | RegExp;
type Rules = Readonly<Record<string, Rule>>;

export type UrlKind = 'postgresql' | 'mysql' | 'sqlite' | 'redis';

const all = (rule: Rule, names: string): Rules =>
  Object.fromEntries(names.split(/\s+/).map((name) => [name, rule]));

/**
 * Sizes and timeouts of connection pools, and how rows reach the application: Prisma, pg, postgres.js, Rails,
 * SQLAlchemy.
 */
const POOLS = all(
  'ignored',
  `connection_limit pool_timeout pool pool_size pool_mode max min max_connections max_idle_connections idle_timeout
  max_lifetime max_connection_lifetime max_idle_connection_lifetime socket_timeout single_use_connections`,
);

/** libpq's parameters (PostgreSQL 18), and those that node-postgres, Prisma, postgres.js and hosting services add. */
const POSTGRESQL: Rules = {
  ...POOLS,
  ...all(
    'used',
    `host hostaddr port user dbname application_name fallback_application_name connect_timeout target_session_attrs
    schema channel_binding ssl sslmode sslaccept sslrootcert sslcert sslkey sslnegotiation ssl_min_protocol_version
    ssl_max_protocol_version`,
  ),
  ...all('secret', 'password sslpassword options'),
  // The last three tell other programs how to interpret sslmode. Here it always has libpq's meaning. Hosting services
  // add them.
  ...all(
    'ignored',
    `pgbouncer statement_cache_size prepared_statements prepare prepareThreshold keepalives keepalives_idle
    keepalives_interval keepalives_count tcp_user_timeout krbsrvname gsslib gssdelegation
    max_protocol_version uselibpqcompat supa workaround`,
  ),
  client_encoding: /^(?:auto|utf-?8|unicode)$/i,
  encoding: /^(?:auto|utf-?8|unicode)$/i,
  gssencmode: /^(?:disable|prefer)$/,
  load_balance_hosts: /^disable$/,
  min_protocol_version: /^3\.0$/,
  sslcertmode: /^allow$/,
  sslcompression: /^0$/,
  sslsni: /^1$/,
};

/** The parameters of mysql2, Prisma, MySQL's own clients and PyMySQL. */
const MYSQL: Rules = {
  ...POOLS,
  ...all(
    'used',
    `socket socketPath connect_timeout connectTimeout timezone ssl sslaccept sslmode ssl-mode ssl-ca ssl-cert ssl-key
    allowPublicKeyRetrieval get-server-public-key`,
  ),
  // mysql2 connects to the host before the parameters, regardless of this one.
  host: /^\//,
  ...all(
    'ignored',
    `bigNumberStrings supportBigNumbers decimalNumbers dateStrings jsonStrings typeCast rowsAsArray namedPlaceholders
    nestTables stringifyObjects multipleStatements maxPreparedStatements statement_cache_size disableEval debug trace
    enableKeepAlive keepAliveInitialDelay compress connectionLimit maxIdle idleTimeout queueLimit waitForConnections
    gracefulEnd parseTime`,
  ),
  charset: /^utf8/i,
};

const SQLITE: Rules = {
  ...POOLS,
  ...all('ignored', 'connect_timeout timeout cache psow'),
  mode: /^(?:ro|rw|rwc)$/,
  immutable: /^[01]$/,
  nolock: /^0$/,
};

/** The parameters of ioredis, node-redis, redis-py and go-redis. */
const REDIS: Rules = {
  ...POOLS,
  family: /^[046]$/,
  db: /^\d{1,5}$/,
  ssl_cert_reqs: /^(?:none|required|CERT_NONE|CERT_REQUIRED)$/,
  ...all(
    'ignored',
    `allowUsernameInURI client_name connectionName commandTimeout connectTimeout decode_responses dial_timeout
    enableAutoPipelining enableOfflineQueue enableReadyCheck health_check_interval keepAlive lazyConnect
    maxRetriesPerRequest noDelay read_timeout retry_on_timeout showFriendlyErrorStack socket_connect_timeout
    write_timeout`,
  ),
  protocol: /^[23]$/,
};

const RULES: Readonly<Record<UrlKind, Rules>> = {
  postgresql: POSTGRESQL,
  mysql: MYSQL,
  sqlite: SQLITE,
  redis: REDIS,
};

/** Whether the value of a parameter of this name may be printed: it is known and not secret. */
export function isShownParameter(name: string): boolean {
  const rules = Object.values(RULES).flatMap((known) => (Object.hasOwn(known, name) ? [known[name]] : []));
  return rules.length > 0 && !rules.includes('secret');
}

/** What to do instead of using a refused parameter. */
const INSTEAD: Readonly<Record<string, string>> = {
  authToken: 'sessionctl opens SQLite files, not databases of Turso.',
  currentSchema: 'Write schema=<name>, or set database_schema in [profiles.<name>.schema].',
  search_path: 'Write schema=<name>, or set database_schema in [profiles.<name>.schema].',
  database: 'Add the name of the database after the host: postgres://user@host:5432/name.',
  keyPrefix: 'Set key_prefix in [profiles.<name>.redis].',
  sslcert: 'Set ca in [profiles.<name>.tls].',
  sslidentity: 'Set cert and key in [profiles.<name>.tls].',
  statement_timeout: 'Set statement_timeout in the profile.',
};

/**
 * Checks that sessionctl uses, or may ignore, every parameter of a URL.
 * @throws InvalidValueError whose message continues a sentence that begins with a word for the URL; it contains no
 * value that may be secret
 */
export function checkParameters(kind: UrlKind, parameters: Iterable<readonly [string, string]>): void {
  const rules = RULES[kind];
  for (const [name, value] of parameters) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      throw new InvalidValueError(
        `has the parameter ${JSON.stringify(name.slice(0, 40))}, which sessionctl does not use`,
        INSTEAD[name] ?? 'Leave it out of the URL that sessionctl uses.',
      );
    }
    if (!(rule instanceof RegExp) || rule.test(value)) continue;
    throw new InvalidValueError(
      `has ${name}=${value.slice(0, 40)}, which sessionctl does not support`,
      'Leave it out of the URL that sessionctl uses.',
    );
  }
}

/** libpq's environment variables and the parameters that they stand for; the last two are node-postgres's. */
export const LIBPQ_VARIABLES: Readonly<Record<string, string>> = {
  PGHOST: 'host',
  PGHOSTADDR: 'hostaddr',
  PGPORT: 'port',
  PGDATABASE: 'dbname',
  PGUSER: 'user',
  PGPASSWORD: 'password',
  PGAPPNAME: 'application_name',
  PGCHANNELBINDING: 'channel_binding',
  PGCLIENTENCODING: 'client_encoding',
  PGCONNECT_TIMEOUT: 'connect_timeout',
  PGGSSDELEGATION: 'gssdelegation',
  PGGSSENCMODE: 'gssencmode',
  PGGSSLIB: 'gsslib',
  PGKRBSRVNAME: 'krbsrvname',
  PGLOADBALANCEHOSTS: 'load_balance_hosts',
  PGMAXPROTOCOLVERSION: 'max_protocol_version',
  PGMINPROTOCOLVERSION: 'min_protocol_version',
  PGOPTIONS: 'options',
  PGREQUIREAUTH: 'require_auth',
  PGREQUIREPEER: 'requirepeer',
  PGREQUIRESSL: 'requiressl',
  PGSERVICE: 'service',
  PGSERVICEFILE: 'servicefile',
  PGSSLCERT: 'sslcert',
  PGSSLCERTMODE: 'sslcertmode',
  PGSSLCOMPRESSION: 'sslcompression',
  PGSSLCRL: 'sslcrl',
  PGSSLCRLDIR: 'sslcrldir',
  PGSSLKEY: 'sslkey',
  PGSSLMAXPROTOCOLVERSION: 'ssl_max_protocol_version',
  PGSSLMINPROTOCOLVERSION: 'ssl_min_protocol_version',
  PGSSLMODE: 'sslmode',
  PGSSLNEGOTIATION: 'sslnegotiation',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLSNI: 'sslsni',
  PGTARGETSESSIONATTRS: 'target_session_attrs',
  PGCLIENT_ENCODING: 'client_encoding',
  PGREPLICATION: 'replication',
};
