import { randomBytes } from 'node:crypto';
import type { TestDatabase } from './databases.ts';
import { quoteFor } from './drizzle-tables.ts';

/** Somebody else than the owner of a database. */
export interface Account extends AsyncDisposable {
  /** The database as this account, with its password. */
  readonly url: string;
  readonly password: string;
  readonly grant: (right: string, table: string) => Promise<void>;
  readonly revoke: (right: string, table: string) => Promise<void>;
}

/** An account that may read every table that there is by now, and nothing else. */
export async function makeAccount({ dialect, url, query }: TestDatabase): Promise<Account> {
  if (dialect === 'sqlite') throw new Error('SQLite has no accounts');
  const password = `not-to-be-seen-${randomBytes(6).toString('hex')}`;
  // Accounts belong to the server, where another run may be at work.
  const name = `account_${randomBytes(6).toString('hex')}`;
  const q = quoteFor(dialect);
  const database = q(new URL(url).pathname.slice(1));
  const isPostgres = dialect === 'postgresql';
  const who = isPostgres ? name : `'${name}'@'%'`;
  const on = (table: string) => (isPostgres ? q(table) : `${database}.${q(table)}`);
  await query(
    isPostgres
      ? `CREATE ROLE ${who} LOGIN PASSWORD '${password}'`
      : `CREATE USER ${who} IDENTIFIED BY '${password}'`,
  );
  await query(`GRANT SELECT ON ${isPostgres ? 'ALL TABLES IN SCHEMA public' : `${database}.*`} TO ${who}`);
  const own = new URL(url);
  own.username = name;
  own.password = password;
  return {
    url: own.href,
    password,
    grant: async (right, table) => {
      await query(`GRANT ${right} ON ${on(table)} TO ${who}`);
    },
    revoke: async (right, table) => {
      await query(`REVOKE ${right} ON ${on(table)} FROM ${who}`);
    },
    [Symbol.asyncDispose]: async () => {
      if (isPostgres) await query(`DROP OWNED BY ${who}`);
      await query(`DROP ${isPostgres ? 'ROLE' : 'USER'} ${who}`);
    },
  };
}
