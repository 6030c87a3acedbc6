import { drizzleAdapter } from '@better-auth/drizzle-adapter';
import * as mysqlCore from 'drizzle-orm/mysql-core';
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2';
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres';
import * as pgCore from 'drizzle-orm/pg-core';
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3';
import * as sqliteCore from 'drizzle-orm/sqlite-core';
import type { TestDatabase } from './databases.ts';
import type { Dialect } from './servers.ts';

export type Model = 'user' | 'session' | 'account' | 'verification';
type Kind = 'key' | 'userKey' | 'text' | 'unique' | 'boolean' | 'time';

/** How a moment stands in a column. */
export type TimeEncoding =
  'timestamp' | 'timestamp(3)' | 'datetime(3)' | 'milliseconds' | 'seconds' | 'text Z' | 'text +00:00';

/** The tables of an application that does not let Better Auth make them. */
export interface DrizzleTables {
  readonly table: (model: Model) => string;
  readonly column: (field: string) => string;
  readonly time: TimeEncoding;
  readonly foreignKeys: boolean;
  /** Drizzle's schema is keyed by plural names, and the adapter is told so. */
  readonly usePlural: boolean;
}

interface Field {
  readonly kind: Kind;
  readonly required: boolean;
}

/** Better Auth's core, as its Drizzle generator writes it. A question mark is a column that may be null. */
const models: Readonly<Record<Model, Readonly<Record<string, Kind | `${Kind}?`>>>> = {
  user: {
    id: 'key',
    name: 'text',
    email: 'unique',
    emailVerified: 'boolean',
    image: 'text?',
    createdAt: 'time',
    updatedAt: 'time',
  },
  session: {
    id: 'key',
    expiresAt: 'time',
    token: 'unique',
    createdAt: 'time',
    updatedAt: 'time',
    ipAddress: 'text?',
    userAgent: 'text?',
    userId: 'userKey',
  },
  account: {
    id: 'key',
    accountId: 'text',
    providerId: 'text',
    userId: 'userKey',
    accessToken: 'text?',
    refreshToken: 'text?',
    idToken: 'text?',
    accessTokenExpiresAt: 'time?',
    refreshTokenExpiresAt: 'time?',
    scope: 'text?',
    password: 'text?',
    createdAt: 'time',
    updatedAt: 'time',
  },
  verification: {
    id: 'key',
    identifier: 'text',
    value: 'text',
    expiresAt: 'time',
    createdAt: 'time',
    updatedAt: 'time',
  },
};
const modelNames: readonly Model[] = ['user', 'session', 'account', 'verification'];

/**
 * Makes the tables and gives the adapter that works on them.
 * @param adapterOf another release's
 */
export async function createDrizzleTables(
  database: TestDatabase,
  tables: DrizzleTables,
  adapterOf = drizzleAdapter,
): Promise<ReturnType<typeof drizzleAdapter>> {
  for (const model of modelNames) await database.query(createTable(database.dialect, tables, model));
  const key = (model: Model) => (tables.usePlural ? `${model}s` : model);
  const schemaOf = <Table>(make: (model: Model) => Table) =>
    Object.fromEntries(modelNames.map((model) => [key(model), make(model)]));
  const { usePlural } = tables;
  if (database.dialect === 'postgresql') {
    const schema = schemaOf((model) => postgresTable(tables, model));
    return adapterOf(drizzlePostgres(database.pool, { schema }), { provider: 'pg', schema, usePlural });
  }
  if (database.dialect === 'mysql') {
    const schema = schemaOf((model) => mysqlTable(tables, model));
    return adapterOf(drizzleMysql(database.pool, { schema, mode: 'default' }), {
      provider: 'mysql',
      schema,
      usePlural,
    });
  }
  const schema = schemaOf((model) => sqliteTable(tables, model));
  return adapterOf(drizzleSqlite(database.connection, { schema }), {
    provider: 'sqlite',
    schema,
    usePlural,
  });
}

function fieldsOf(model: Model): readonly (readonly [string, Field])[] {
  return Object.entries(models[model]).map(([name, text]) => {
    const required = !text.endsWith('?');
    return [name, { kind: text.replace('?', '') as Kind, required }];
  });
}

function createTable(dialect: Dialect, tables: DrizzleTables, model: Model): string {
  const q = quoteFor(dialect);
  const lines = fieldsOf(model).map(([field, { kind, required }]) => {
    const type = sqlType(dialect, kind, tables.time);
    const extra = kind === 'key' ? ' PRIMARY KEY' : kind === 'unique' ? ' UNIQUE' : '';
    return `${q(tables.column(field))} ${type}${required ? ' NOT NULL' : ' NULL'}${extra}`;
  });
  const hasUser = fieldsOf(model).some(([, { kind }]) => kind === 'userKey');
  const reference =
    tables.foreignKeys && hasUser
      ? [
          `FOREIGN KEY (${q(tables.column('userId'))}) REFERENCES ${q(tables.table('user'))} (${q('id')}) ON DELETE CASCADE`,
        ]
      : [];
  return `CREATE TABLE ${q(tables.table(model))} (${[...lines, ...reference].join(', ')})`;
}

function sqlType(dialect: Dialect, kind: Kind, time: TimeEncoding): string {
  if (kind === 'time') return timeType(dialect, time);
  if (kind === 'boolean') return dialect === 'sqlite' ? 'integer' : 'boolean';
  if (dialect !== 'mysql') return 'text';
  return kind === 'text' ? 'text' : kind === 'unique' ? 'varchar(255)' : 'varchar(36)';
}

function timeType(dialect: Dialect, time: TimeEncoding): string {
  if (dialect !== 'sqlite') return time;
  // Prisma declares DATETIME, whatever it then writes; Drizzle declares what it writes.
  return time === 'text +00:00' ? 'DATETIME' : time === 'text Z' ? 'text' : 'integer';
}

export function quoteFor(dialect: Dialect): (name: string) => string {
  return (name) => (dialect === 'mysql' ? `\`${name}\`` : `"${name}"`);
}

function postgresTable(tables: DrizzleTables, model: Model) {
  const precision = tables.time === 'timestamp(3)' ? { precision: 3 as const } : {};
  const column = (name: string, kind: Kind) => {
    if (kind === 'boolean') return pgCore.boolean(name);
    if (kind === 'time') return pgCore.timestamp(name, { mode: 'date', ...precision });
    return pgCore.text(name);
  };
  const columns = Object.fromEntries(
    fieldsOf(model).map(([field, { kind, required }]) => {
      const built: pgCore.PgColumnBuilderBase = required
        ? column(tables.column(field), kind).notNull()
        : column(tables.column(field), kind);
      return [field, built];
    }),
  );
  return pgCore.pgTable(tables.table(model), columns);
}

function mysqlTable(tables: DrizzleTables, model: Model) {
  const column = (name: string, kind: Kind) => {
    if (kind === 'boolean') return mysqlCore.boolean(name);
    if (kind === 'text') return mysqlCore.text(name);
    if (kind !== 'time') return mysqlCore.varchar(name, { length: 255 });
    return tables.time === 'datetime(3)'
      ? mysqlCore.datetime(name, { mode: 'date', fsp: 3 })
      : mysqlCore.timestamp(name, { mode: 'date', fsp: 3 });
  };
  const columns = Object.fromEntries(
    fieldsOf(model).map(([field, { kind, required }]) => {
      const built: mysqlCore.MySqlColumnBuilderBase = required
        ? column(tables.column(field), kind).notNull()
        : column(tables.column(field), kind);
      return [field, built];
    }),
  );
  return mysqlCore.mysqlTable(tables.table(model), columns);
}

function sqliteTable(tables: DrizzleTables, model: Model) {
  const time = (name: string) => {
    if (tables.time === 'seconds') return sqliteCore.integer(name, { mode: 'timestamp' });
    if (tables.time === 'milliseconds') return sqliteCore.integer(name, { mode: 'timestamp_ms' });
    return tables.time === 'text Z' ? sqliteCore.text(name) : offsetText(name);
  };
  const column = (name: string, kind: Kind) => {
    if (kind === 'boolean') return sqliteCore.integer(name, { mode: 'boolean' });
    return kind === 'time' ? time(name) : sqliteCore.text(name);
  };
  const columns = Object.fromEntries(
    fieldsOf(model).map(([field, { kind, required }]) => {
      const built: sqliteCore.SQLiteColumnBuilderBase = required
        ? column(tables.column(field), kind).notNull()
        : column(tables.column(field), kind);
      return [field, built];
    }),
  );
  return sqliteCore.sqliteTable(tables.table(model), columns);
}

/** What Prisma's driver adapter for better-sqlite3 writes: `2026-11-23T10:00:00.000+00:00`. */
const offsetText = sqliteCore.customType<{ data: Date; driverData: string }>({
  dataType: () => 'DATETIME',
  toDriver: (value) => value.toISOString().replace('Z', '+00:00'),
  fromDriver: (value) => new Date(value),
});
