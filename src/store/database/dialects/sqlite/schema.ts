import type { Knex } from 'knex';
import { awaitLock } from '../await-lock.ts';
import type { SchemaDialect, SchemaStatement } from '../schema-dialect.ts';
import { sqlite } from './sqlite.ts';

/** A whole run is one transaction, which is also the lock: SQLite allows one writer at a time. */
export const sqliteSchema: SchemaDialect = {
  transaction: 'everything',
  begin: 'BEGIN IMMEDIATE',
  indexCaution: 'SQLite locks the file while it builds an index: no user can sign in meanwhile',

  homeSchema: () => Promise.resolve(null),

  // Better Auth 1.7's own statements.
  coreTables: () => {
    const userId = '"userId" text not null references "user" ("id") on delete cascade';
    return [
      'create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" integer not null, "image" text, "createdAt" date not null, "updatedAt" date not null)',
      `create table "session" ("id" text not null primary key, "expiresAt" date not null, "token" text not null unique, "createdAt" date not null, "updatedAt" date not null, "ipAddress" text, "userAgent" text, ${userId})`,
      `create table "account" ("id" text not null primary key, "accountId" text not null, "providerId" text not null, ${userId}, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" date, "refreshTokenExpiresAt" date, "scope" text, "password" text, "createdAt" date not null, "updatedAt" date not null)`,
      'create table "verification" ("id" text not null primary key, "identifier" text not null, "value" text not null, "expiresAt" date not null, "createdAt" date not null, "updatedAt" date not null)',
      'create index "session_userId_idx" on "session" ("userId")',
      'create index "account_userId_idx" on "account" ("userId")',
      'create index "verification_identifier_idx" on "verification" ("identifier")',
    ].map(writing);
  },

  historyTable: () => [
    writing(
      'CREATE TABLE "sessionctl_history" ("id" integer PRIMARY KEY AUTOINCREMENT, "run_id" text NOT NULL, "event" text NOT NULL, "at" text NOT NULL, "operator" text NOT NULL, "host" text NOT NULL, "sequence" integer NOT NULL, "previous" text NOT NULL, "hash" text NOT NULL UNIQUE, "record" text NOT NULL)',
    ),
  ],

  bookkeeping: () => [
    writing(
      'CREATE TABLE IF NOT EXISTS "sessionctl_migrations" ("id" integer PRIMARY KEY AUTOINCREMENT, "name" varchar(255), "batch" integer, "migration_time" datetime)',
    ),
    writing(
      'CREATE TABLE IF NOT EXISTS "sessionctl_migrations_lock" ("index" integer PRIMARY KEY AUTOINCREMENT, "is_locked" integer)',
    ),
    writing(
      'INSERT INTO "sessionctl_migrations_lock" ("is_locked") SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM "sessionctl_migrations_lock")',
    ),
  ],

  dropTable: (_schema, table) => writing(`DROP TABLE ${quoted(table)}`),

  async indexesOn(knex, { table, column }) {
    const indexes = await knex.raw<readonly { readonly name: string; readonly partial: number }[]>(
      `SELECT l.name, l.partial FROM pragma_index_list(?) l JOIN pragma_index_info(l.name) i
        WHERE i.seqno = 0 AND lower(i.name) = lower(?) ORDER BY l.name`,
      [table, column],
    );
    return { indexes: indexes.map(({ name, partial }) => ({ name, usable: partial === 0 })), obstacle: null };
  },

  createIndex: ({ table, column }, name) =>
    writing(`CREATE INDEX ${quoted(name)} ON ${quoted(table)} (${quoted(column)})`),

  dropIndex: (_column, name) => writing(`DROP INDEX ${quoted(name)}`),

  async exclusively<Result>(
    knex: Knex,
    patience: Parameters<SchemaDialect['exclusively']>[1],
    work: (knex: Knex) => Promise<Result>,
  ) {
    const results: Result[] = [];
    await awaitLock(async () => {
      const lock = { isTaken: false };
      try {
        await knex.transaction(async (transaction) => {
          await takeWriteLock(transaction);
          lock.isTaken = true;
          results.push(await work(transaction));
        });
        return null;
      } catch (error) {
        if (lock.isTaken || sqlite.hindrance(error) !== 'busy') throw error;
        return 'another process is writing to the file: waiting for it';
      }
    }, patience);
    const [result] = results as [Result];
    return result;
  },

  atomically: (knex, work) => work(knex),
};

/**
 * Knex begins transactions that take the lock for writing late. This takes it at once. It sets a number to its current
 * value, so nothing changes. It does not wait: the driver would wait inside this process, which receives no signal
 * then.
 */
async function takeWriteLock(transaction: Knex): Promise<void> {
  const [before] = await transaction.raw<readonly { readonly timeout: number }[]>('PRAGMA busy_timeout');
  await transaction.raw('PRAGMA busy_timeout = 0');
  try {
    const [row] = await transaction.raw<readonly { readonly user_version: number }[]>('PRAGMA user_version');
    await transaction.raw(`PRAGMA user_version = ${String(row?.user_version ?? 0)}`);
  } finally {
    await transaction.raw(`PRAGMA busy_timeout = ${String(before?.timeout ?? 0)}`);
  }
}

function writing(sql: string): SchemaStatement {
  return { sql, right: 'write access to the file' };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
