import type { Catalog } from './catalog.ts';
import type { DatabaseConnection } from '../connect/connect.ts';
import { keyColumn, tablesNamed, tablesOfInterest, type RecognisedUsers } from './recognise.ts';
import { pluginColumns, pluginTables } from './recognise-plugins.ts';
import type { UserTable } from './shape.ts';

/** Reads the clock and the tables that may be Better Auth's, in one round trip where the database allows. */
export function readSchema({
  knex,
  dialect,
  names,
}: Pick<DatabaseConnection, 'knex' | 'dialect' | 'names'>): Promise<Catalog> {
  return dialect.readCatalog(knex, {
    names: [...tablesOfInterest, ...pluginTables],
    named: tablesNamed(names),
    columns: pluginColumns,
  });
}

export function userTable({ table, id, email, name, banned, banExpires }: RecognisedUsers): UserTable {
  return {
    schema: table.schema,
    name: table.name,
    id: keyColumn(table, id),
    email: email?.name ?? null,
    displayName: name?.name ?? null,
    banned,
    banExpires,
    catalog: table,
  };
}
