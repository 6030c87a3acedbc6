import { hash } from 'node:crypto';
import type { Knex } from 'knex';
import { awaitLock } from '../await-lock.ts';
import type { SchemaDialect, SchemaStatement } from '../schema-dialect.ts';

/**
 * No time limit for a statement (MariaDB's would end the building of an index). A short limit for the wait for other
 * transactions: a waiting table change blocks every later request for the table. In seconds.
 */
const SET_UP = 'SET SESSION lock_wait_timeout = 2 /*M! , max_statement_time = 0 */';

type Rows<Row> = readonly [readonly Row[], unknown];

/** Every change of the schema is its own transaction here, so each step can be repeated after an interruption. */
export const mysqlSchema: SchemaDialect = {
  transaction: 'nothing',
  begin: '',
  indexCaution: null,

  homeSchema: () => Promise.resolve(null),

  // Better Auth 1.7's own statements. It makes the indexes afterwards; here they are part of the tables.
  coreTables: () => {
    const userId = '`userId` varchar(36) not null references `user` (`id`) on delete cascade';
    return [
      'create table if not exists `user` (`id` varchar(36) not null primary key, `name` varchar(255) not null, `email` varchar(255) not null unique, `emailVerified` boolean not null, `image` text, `createdAt` timestamp(3) default CURRENT_TIMESTAMP(3) not null, `updatedAt` timestamp(3) default CURRENT_TIMESTAMP(3) not null)',
      `create table if not exists \`session\` (\`id\` varchar(36) not null primary key, \`expiresAt\` timestamp(3) not null, \`token\` varchar(255) not null unique, \`createdAt\` timestamp(3) default CURRENT_TIMESTAMP(3) not null, \`updatedAt\` timestamp(3) not null, \`ipAddress\` text, \`userAgent\` text, ${userId}, key \`session_userId_idx\` (\`userId\`))`,
      `create table if not exists \`account\` (\`id\` varchar(36) not null primary key, \`accountId\` text not null, \`providerId\` text not null, ${userId}, \`accessToken\` text, \`refreshToken\` text, \`idToken\` text, \`accessTokenExpiresAt\` timestamp(3), \`refreshTokenExpiresAt\` timestamp(3), \`scope\` text, \`password\` text, \`createdAt\` timestamp(3) default CURRENT_TIMESTAMP(3) not null, \`updatedAt\` timestamp(3) not null, key \`account_userId_idx\` (\`userId\`))`,
      'create table if not exists `verification` (`id` varchar(36) not null primary key, `identifier` varchar(255) not null, `value` text not null, `expiresAt` timestamp(3) not null, `createdAt` timestamp(3) default CURRENT_TIMESTAMP(3) not null, `updatedAt` timestamp(3) default CURRENT_TIMESTAMP(3) not null, key `verification_identifier_idx` (`identifier`))',
    ].map((sql) => ({ sql, right: 'CREATE and REFERENCES on the database' }));
  },

  historyTable: () => [
    making(
      'CREATE TABLE IF NOT EXISTS `sessionctl_history` (`id` bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, `run_id` varchar(64) NOT NULL, `event` varchar(64) NOT NULL, `at` varchar(24) NOT NULL, `operator` text NOT NULL, `host` text NOT NULL, `sequence` bigint NOT NULL, `previous` varchar(64) NOT NULL, `hash` varchar(64) NOT NULL UNIQUE, `record` mediumtext NOT NULL) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    ),
  ],

  bookkeeping: () => [
    making(
      'CREATE TABLE IF NOT EXISTS `sessionctl_migrations` (`id` int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, `name` varchar(255), `batch` int, `migration_time` timestamp NULL)',
    ),
    making(
      'CREATE TABLE IF NOT EXISTS `sessionctl_migrations_lock` (`index` int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, `is_locked` int)',
    ),
    {
      sql: 'INSERT INTO `sessionctl_migrations_lock` (`is_locked`) SELECT 0 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM `sessionctl_migrations_lock`)',
      right: 'INSERT on sessionctl_migrations_lock',
    },
  ],

  dropTable: (_schema, table) => ({ sql: `DROP TABLE ${quoted(table)}`, right: `DROP on ${table}` }),

  async indexesOn(knex, { table, column }) {
    const answer: unknown = await knex.raw(
      'SELECT INDEX_NAME AS name FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ? AND SEQ_IN_INDEX = 1 ORDER BY INDEX_NAME',
      [table, column],
    );
    const [rows] = answer as Rows<{ readonly name: string }>;
    return { indexes: rows.map(({ name }) => ({ name, usable: true })), obstacle: null };
  },

  createIndex: ({ table, column }, name) => ({
    sql: `CREATE INDEX ${quoted(name)} ON ${quoted(table)} (${quoted(column)}) ALGORITHM=INPLACE LOCK=NONE`,
    right: `INDEX on ${table}`,
  }),

  dropIndex: ({ table }, name) => ({
    // It affects no rows, and MariaDB supports no further options here.
    sql: `DROP INDEX ${quoted(name)} ON ${quoted(table)}`,
    right: `INDEX on ${table}`,
  }),

  async exclusively(knex, patience, work) {
    await knex.raw(SET_UP);
    const lock = await lockName(knex);
    await awaitLock(async () => {
      const answer: unknown = await knex.raw('SELECT GET_LOCK(?, 0) AS got, IS_USED_LOCK(?) AS holder', [
        lock,
        lock,
      ]);
      const [[row]] = answer as Rows<{ readonly got: unknown; readonly holder: unknown }>;
      return Number(row?.got) === 1 ? null : waiting(knex, Number(row?.holder));
    }, patience);
    return work(knex);
  },

  atomically: (knex, work) => work(knex),
};

/** Locks belong to the server, so the name includes the database. MySQL 9.6 and later cannot compute SHA-1. */
async function lockName(knex: Knex): Promise<string> {
  const answer: unknown = await knex.raw('SELECT DATABASE() AS name');
  const [[row]] = answer as Rows<{ readonly name: string }>;
  return `sessionctl_schema_${hash('sha1', row?.name ?? '', 'hex').slice(0, 32)}`;
}

/** Only an account with the right PROCESS sees other accounts' connections. The number is enough. */
async function waiting(knex: Knex, holder: number): Promise<string> {
  const answer: unknown = await knex.raw(
    'SELECT HOST AS host FROM information_schema.PROCESSLIST WHERE ID = ?',
    [holder],
  );
  const [[row]] = answer as Rows<{ readonly host: string }>;
  const from = row === undefined ? '' : ` from ${row.host}`;
  return `another run of sessionctl is changing the schema: waiting for connection ${String(holder)}${from} (to end it: KILL ${String(holder)})`;
}

function making(sql: string): SchemaStatement {
  return { sql, right: 'CREATE on the database' };
}

/** A name quoted as one MySQL identifier. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
