/**
 * The server sentences that may be shown. Any other may contain a value of a row: a trigger can write any text into an
 * error, under any number. Placeholders match only names, so no sentence has room for a token with hyphens.
 */

const NAME = '["\'`]?[\\w$]{1,64}["\'`]?(?:\\.["\'`]?[\\w$]{1,64}["\'`]?){0,2}';
const LIST = `${NAME}(?:, ?${NAME}){0,15}`;
/** A host name or an address. */
const HOST = '["\'`]?[\\w.:%-]{1,255}["\'`]?';
const ACCOUNT = `${NAME}@${HOST}`;

const POSTGRESQL = [
  `(?:permission denied for|must be owner of) [a-z ]{1,40} ${NAME}`,
  'permission denied to [a-z ]{1,60}',
  'cannot execute [A-Z ]{1,40} in a read-only transaction',
  `update or delete on table ${NAME} violates (?:RESTRICT setting of )?foreign key constraint ${NAME} on table ${NAME}`,
  `insert or update on table ${NAME} violates foreign key constraint ${NAME}`,
  `could not obtain lock on (?:row in )?relation ${NAME}`,
  'could not serialize access due to [a-z/ ]{1,60}',
  'deadlock detected',
  'canceling statement due to [a-z ]{1,40}',
  'terminating connection due to [a-z ]{1,60}',
  `cannot (?:delete from|update) table ${NAME} because it does not have a replica identity and publishes (?:deletes|updates)`,
  '(?:DELETE|UPDATE) requires a WHERE clause',
  `(?:function|operator) ${NAME}\\([\\w ,[\\]"]{0,100}\\) does not exist`,
  `(?:function|relation|column|schema|type|collation|role|database|extension|table|operator)(?: ${NAME}){1,2} does not exist`,
  `column ${NAME} of relation ${NAME} does not exist`,
  `password authentication failed for user ${NAME}`,
  `no pg_hba\\.conf entry for (?:replication connection from )?host ${HOST}(?:, user ${NAME})?(?:, database ${NAME})?(?:, (?:no|SSL|GSS) encryption)?`,
  `role ${NAME} is not permitted to log in`,
  '(?:sorry, )?too many clients already',
  `too many connections for (?:role|database) ${NAME}`,
  'remaining connection slots are reserved for [a-zA-Z_ -]{1,80}',
  'the database system is [a-z ]{1,40}',
  `null value in column ${NAME} of relation ${NAME} violates not-null constraint`,
  `new row for relation ${NAME} violates check constraint ${NAME}`,
  `duplicate key value violates unique constraint ${NAME}`,
  `cannot (?:delete from|update|insert into|change) [a-z ]{0,20}${NAME}`,
  `${NAME} is (?:not a table|a view|not a view)`,
  'could not (?:extend|write to|read|open|create) [a-z ]{0,30}file "[\\w/.]{1,100}": [A-Za-z ]{1,60}',
  '(?:invalid page|could not read block) [a-z0-9 ]{1,60}',
  'unsupported startup parameter(?: in options)?: \\w{1,64}',
  // PgBouncer.
  `no such (?:user|database)(?:: ${NAME})?`,
  'server login has been failing, [a-z, ]{1,80}',
  '(?:query_wait_timeout|client_login_timeout|pgbouncer cannot connect to server|SASL authentication failed)',
];

const MYSQL = [
  `[A-Z, ]{1,80} command denied to user ${ACCOUNT} for (?:table|column|routine) ${NAME}(?: in table ${NAME})?`,
  `Access denied for user ${ACCOUNT}(?: to database ${NAME})?(?: \\(using password: (?:YES|NO)\\))?`,
  `Access denied; you need \\(?(?:at least one of\\) )?the [A-Z_, ]{1,120} privilege(?:\\(s\\))? for this operation`,
  `Host ${HOST} is (?:not allowed to connect|blocked)[\\w ';.,-]{0,120}`,
  `Unknown (?:database|system variable|collation:?) ${NAME}`,
  `Unknown column ${NAME} in '[\\w ]{1,40}'`,
  `Unknown table ${NAME}(?: in \\w{1,40})?`,
  `Table ${NAME} doesn't exist(?: in engine)?`,
  'The (?:MySQL|MariaDB) server is running with the --?[\\w-]{1,60} option so it cannot execute this statement',
  'Cannot execute statement in a READ ONLY transaction',
  `Cannot delete or update a parent row: a foreign key constraint fails(?: \\(${NAME}, CONSTRAINT ${NAME} FOREIGN KEY \\(${LIST}\\) REFERENCES ${NAME} \\(${LIST}\\)[A-Z ]{0,80}\\))?`,
  'Deadlock found when trying to get lock; try restarting transaction',
  'Lock wait timeout exceeded; try restarting transaction',
  `Record has changed since last read in table ${NAME}(?:; try restarting transaction)?`,
  'Query execution was interrupted(?:[,:;]? \\(?[a-z_ ]{1,80}\\)?)?',
  'Too many connections',
  `User ${NAME} (?:has exceeded the [\\w' ]{1,60} resource|already has more than 'max_user_connections' active connections)[\\w ():]{0,40}`,
  `Check constraint ${NAME} is violated\\.?`,
  `CONSTRAINT ${NAME} failed for ${NAME}`,
  `Column ${NAME} cannot be null`,
  'WSREP has not yet prepared node for application use',
  `The user specified as a definer \\(${ACCOUNT}\\) does not exist`,
  `(?:FUNCTION|PROCEDURE) ${NAME} does not exist`,
  'The total number of locks exceeds the lock table size',
  'You are using safe update mode [\\w ,-]{1,120}',
  'Server shutdown in progress',
  'Out of (?:sort )?memory[\\w ,;]{0,120}',
];

const SQLITE = [
  'attempt to write a readonly database',
  'unable to open database file',
  'database disk image is malformed',
  'disk I/O error',
  'database schema has changed',
  'locking protocol',
  'authorization denied',
  'access permission denied',
  'out of memory',
  'string or blob too big',
  'FOREIGN KEY constraint failed',
  `(?:NOT NULL|UNIQUE|CHECK|PRIMARY KEY) constraint failed: ${LIST}`,
];

const SENTENCES = new RegExp(`^(?:${[...POSTGRESQL, ...MYSQL, ...SQLITE].join('|')})$`);
/** Characters. Every known sentence is shorter; longer texts are not matched. */
const LONGEST = 500;

export function isKnownSentence(text: string): boolean {
  return text.length <= LONGEST && SENTENCES.test(text);
}
