import { drizzleAdapter } from '@better-auth/drizzle-adapter';
import type { BetterAuthOptions } from 'better-auth';
import { getAuthTables, type DBFieldAttribute } from 'better-auth/db';
import { getTableColumns, type Column } from 'drizzle-orm';
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3';
import * as mysqlCore from 'drizzle-orm/mysql-core';
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2';
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres';
import * as pgCore from 'drizzle-orm/pg-core';
import * as sqliteCore from 'drizzle-orm/sqlite-core';
import type { TestDatabase } from './databases.ts';
import { quoteFor } from './drizzle-tables.ts';
import { snakeCase } from './shapes.ts';

interface Field {
  readonly name: string;
  readonly column: string;
  readonly attribute: DBFieldAttribute;
}

interface Table {
  readonly model: string;
  readonly name: string;
  readonly fields: readonly Field[];
}

const id: Field = { name: 'id', column: 'id', attribute: { type: 'string' } };

/**
 * Makes the tables of an application and its plugins as Better Auth's generator for Drizzle describes them, in snake
 * case, and gives the adapter that works on them.
 *
 * Lists of texts are what this is about. PostgreSQL has arrays of texts; on the others Better Auth writes the list as
 * JSON and Drizzle takes that text for a value to write as JSON: it is encoded twice, as in the field.
 */
export async function generateDrizzleTables(
  database: TestDatabase,
  options: Pick<BetterAuthOptions, 'plugins'>,
): Promise<ReturnType<typeof drizzleAdapter>> {
  const tables = tablesOf(options);
  if (database.dialect === 'postgresql') {
    const schema = schemaOf(tables, ({ name, fields }) =>
      pgCore.pgTable(name, columnsOf(fields, postgresColumn)),
    );
    await createTables(database, tables, (model) => getTableColumns(entry(schema, model)));
    return drizzleAdapter(drizzlePostgres(database.pool, { schema }), { provider: 'pg', schema });
  }
  if (database.dialect === 'mysql') {
    const schema = schemaOf(tables, ({ name, fields }) =>
      mysqlCore.mysqlTable(name, columnsOf(fields, mysqlColumn)),
    );
    await createTables(database, tables, (model) => getTableColumns(entry(schema, model)));
    const connection = drizzleMysql(database.pool, { schema, mode: 'default' });
    return drizzleAdapter(connection, { provider: 'mysql', schema });
  }
  const schema = schemaOf(tables, ({ name, fields }) =>
    sqliteCore.sqliteTable(name, columnsOf(fields, sqliteColumn)),
  );
  await createTables(database, tables, (model) => getTableColumns(entry(schema, model)));
  return drizzleAdapter(drizzleSqlite(database.connection, { schema }), { provider: 'sqlite', schema });
}

/** In an order in which a table comes after those that it refers to. */
function tablesOf(options: Pick<BetterAuthOptions, 'plugins'>): readonly Table[] {
  return Object.entries(getAuthTables(options)).map(([model, { modelName, fields }]) => ({
    model,
    name: snakeCase(modelName),
    fields: [
      id,
      ...Object.entries(fields).map(([name, attribute]) => ({ name, column: snakeCase(name), attribute })),
    ],
  }));
}

function schemaOf<Made>(
  tables: readonly Table[],
  make: (table: Table) => Made,
): Readonly<Record<string, Made>> {
  return Object.fromEntries(tables.map((table) => [table.model, make(table)]));
}

function columnsOf<Builder>(
  fields: readonly Field[],
  make: (field: Field) => Builder,
): Record<string, Builder> {
  return Object.fromEntries(fields.map((field) => [field.name, make(field)]));
}

function entry<Value>(record: Readonly<Record<string, Value>>, key: string): Value {
  const value = record[key];
  if (value === undefined) throw new Error(`no ${key}`);
  return value;
}

async function createTables(
  { dialect, query }: TestDatabase,
  tables: readonly Table[],
  columns: (model: string) => Readonly<Record<string, Column>>,
): Promise<void> {
  const q = quoteFor(dialect);
  const names = Object.fromEntries(tables.map(({ model, name }) => [model, name]));
  for (const { model, name, fields } of tables) {
    const lines = Object.values(columns(model)).map(
      (column) =>
        `${q(column.name)} ${column.getSQLType()}${column.notNull ? ' NOT NULL' : ' NULL'}` +
        (column.primary ? ' PRIMARY KEY' : column.isUnique ? ' UNIQUE' : ''),
    );
    const references = fields.flatMap(({ column, attribute: { references } }) => {
      if (references === undefined) return [];
      const target = `${q(entry(names, references.model))} (${q(snakeCase(references.field))})`;
      return [
        `FOREIGN KEY (${q(column)}) REFERENCES ${target} ON DELETE ${references.onDelete ?? 'cascade'}`,
      ];
    });
    await query(`CREATE TABLE ${q(name)} (${[...lines, ...references].join(', ')})`);
  }
}

function postgresColumn({ column, attribute }: Field): pgCore.PgColumnBuilderBase {
  if (column === 'id') return pgCore.text(column).primaryKey();
  const make = () => {
    switch (attribute.type) {
      case 'boolean':
        return pgCore.boolean(column);
      case 'number':
        return pgCore.integer(column);
      case 'date':
        return pgCore.timestamp(column);
      case 'json':
        return pgCore.jsonb(column);
      case 'string[]':
        return pgCore.text(column).array();
      default:
        return attribute.unique === true ? pgCore.text(column).unique() : pgCore.text(column);
    }
  };
  return attribute.required === false ? make() : make().notNull();
}

function mysqlColumn({ column, attribute }: Field): mysqlCore.MySqlColumnBuilderBase {
  if (column === 'id') return mysqlCore.varchar(column, { length: 36 }).primaryKey();
  const make = () => {
    switch (attribute.type) {
      case 'boolean':
        return mysqlCore.boolean(column);
      case 'number':
        return mysqlCore.int(column);
      case 'date':
        return mysqlCore.timestamp(column, { fsp: 3 });
      case 'json':
      case 'string[]':
        return mysqlCore.json(column);
      default:
        if (attribute.unique === true) return mysqlCore.varchar(column, { length: 255 }).unique();
        if (attribute.references !== undefined) return mysqlCore.varchar(column, { length: 36 });
        return mysqlCore.text(column);
    }
  };
  return attribute.required === false ? make() : make().notNull();
}

function sqliteColumn({ column, attribute }: Field): sqliteCore.SQLiteColumnBuilderBase {
  if (column === 'id') return sqliteCore.text(column).primaryKey();
  const make = () => {
    switch (attribute.type) {
      case 'boolean':
        return sqliteCore.integer(column, { mode: 'boolean' });
      case 'number':
        return sqliteCore.integer(column);
      case 'date':
        return sqliteCore.integer(column, { mode: 'timestamp_ms' });
      case 'json':
      case 'string[]':
        return sqliteCore.text(column, { mode: 'json' });
      default:
        return attribute.unique === true ? sqliteCore.text(column).unique() : sqliteCore.text(column);
    }
  };
  return attribute.required === false ? make() : make().notNull();
}
