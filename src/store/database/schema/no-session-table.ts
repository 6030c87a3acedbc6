import type { SchemaNames } from '../../../config/settings.ts';
import { SchemaError } from '../../../errors.ts';
import { normalise, tableLabel, type Catalog, type CatalogTable, type CatalogView } from './catalog.ts';
import {
  OPTIONAL,
  REQUIRED,
  SESSION_TABLES,
  fieldColumn,
  namedTables,
  nearestName,
} from './session-columns.ts';

export function missingFields(table: CatalogTable, { columns, likely }: SchemaNames): readonly string[] {
  return REQUIRED.filter((field) => fieldColumn(table, field, columns, likely?.columns) === undefined);
}

export function noSessionTable(
  named: readonly CatalogTable[],
  catalog: Catalog,
  names: SchemaNames,
  database: string,
): SchemaError {
  const view = viewInstead(catalog, names);
  if (view !== undefined) {
    return new SchemaError(
      `${database}: ${tableLabel(view)} is a ${view.kind}, and sessionctl ends sessions only in tables`,
      {
        hint: 'Name the table behind it in the profile: [profiles.<name>.schema] table = "…".',
      },
    );
  }
  if (names.table !== null && named.length === 0) {
    const nearest = nearestName(names.table, catalog.tables);
    return new SchemaError(
      `${database} has no table ${JSON.stringify(names.table)}, which the configuration names`,
      {
        hint:
          nearest === undefined
            ? 'Correct `table` in the schema section of the profile.'
            : `Did you mean ${JSON.stringify(nearest)}?`,
      },
    );
  }
  const [near] = named;
  if (near !== undefined) {
    const missing = missingFields(near, names);
    const known = [...REQUIRED, ...OPTIONAL].map((field) => fieldColumn(near, field, names.columns)?.name);
    const others = near.columns.map(({ name }) => name).filter((name) => !known.includes(name));
    return new SchemaError(
      `${database} has a table ${tableLabel(near)}, but not Better Auth's: it lacks ${missing.join(', ')}`,
      {
        hint: `${others.length === 0 ? '' : `Columns with other names: ${others.join(', ')}. `}Name them in the profile: [profiles.<name>.schema] columns = { ${missing.map((field) => `${field} = "…"`).join(', ')} }; \`config init --auth <auth.ts>\` reads session.fields. sessionctl cannot see columns that this account may not read.`,
      },
    );
  }
  if (namedTables(catalog, names).users.length > 0) {
    return new SchemaError(`${database} has a user table, but no session table that this account can see`, {
      hint: 'If sessions are only in Redis, Better Auth creates none: set [profiles.<name>.redis] and store_in_database = false in the profile. If the table has another name, set [profiles.<name>.schema] table = "…".',
    });
  }
  return new SchemaError(`${database} has no session table that this account can see`, {
    hint: 'Is it the right database? If the table has another name, set [profiles.<name>.schema] table = "…".',
  });
}

/** The view or other relation that has the name of the session table. */
function viewInstead(catalog: Catalog, names: SchemaNames): CatalogView | undefined {
  return catalog.views.find(
    ({ schema, name }) =>
      (names.databaseSchema === null || schema === names.databaseSchema) &&
      (names.table === null ? SESSION_TABLES.includes(normalise(name)) : name === names.table),
  );
}

/** @throws SchemaError where the session table is a view: sessionctl creates no tables beside it */
export function refuseView(catalog: Catalog, names: SchemaNames, database: string): void {
  if (viewInstead(catalog, names) !== undefined) throw noSessionTable([], catalog, names, database);
}
