import leven from 'leven';
import type { SchemaNames } from '../../../config/settings.ts';
import { SchemaError } from '../../../errors.ts';
import { normalise, tableLabel, type Catalog, type CatalogColumn, type CatalogTable } from './catalog.ts';

export const REQUIRED = ['id', 'token', 'userId', 'expiresAt', 'createdAt', 'updatedAt'] as const;
export const OPTIONAL = ['ipAddress', 'userAgent', 'impersonatedBy', 'activeOrganizationId'] as const;

export type SessionField = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];

/** Names that Better Auth's adapters give the tables, normalised: `session`, `sessions`, `Session`. */
export const SESSION_TABLES = ['session', 'sessions'];
export const USER_TABLES = ['user', 'users'];
/** The tables that may be Better Auth's session and user table, by the configuration or by their names. */
export function namedTables(
  catalog: Catalog,
  names: SchemaNames,
): { readonly sessions: readonly CatalogTable[]; readonly users: readonly CatalogTable[] } {
  return {
    sessions: candidates(catalog, names.table, names.databaseSchema, SESSION_TABLES),
    users: candidates(catalog, names.userTable, names.databaseSchema, USER_TABLES),
  };
}

export function candidates(
  catalog: Catalog,
  configured: string | null,
  schema: string | null,
  known: readonly string[],
): readonly CatalogTable[] {
  const inSchema = catalog.tables.filter((table) => schema === null || table.schema === schema);
  if (configured !== null) return inSchema.filter((table) => table.name === configured);
  return inSchema.filter((table) => known.includes(normalise(table.name)));
}

/**
 * The column of a field: the configured one, the one with exactly Better Auth's name, or the one with the same name in
 * another convention.
 * @throws SchemaError where two columns fit, or the configured one does not exist
 */
export function fieldColumn(
  table: CatalogTable,
  field: string,
  configured: Readonly<Record<string, string>>,
  likely: Readonly<Record<string, string>> = {},
): CatalogColumn | undefined {
  const name = configured[field];
  if (name !== undefined) {
    const column = table.columns.find((each) => each.name === name);
    if (column !== undefined) return column;
    const nearest = nearestName(name, table.columns);
    throw new SchemaError(
      `${tableLabel(table)} has no column ${JSON.stringify(name)}, which the configuration names for ${field}`,
      {
        hint: nearest === undefined ? undefined : `Did you mean ${JSON.stringify(nearest)}?`,
      },
    );
  }
  const named = (wanted: string) =>
    table.columns.filter((column) => normalise(column.name) === normalise(wanted));
  const own = named(field);
  const fits = own.length === 0 && likely[field] !== undefined ? named(likely[field]) : own;
  const [only, other] = fits;
  if (other === undefined) return only;
  throw new SchemaError(
    `${tableLabel(table)} has several columns for ${field}: ${fits.map((each) => each.name).join(', ')}`,
    {
      hint: `Set the one that is in use: [profiles.<name>.schema] columns = { ${field} = "…" }.`,
    },
  );
}

export function nearestName(wanted: string, among: readonly { readonly name: string }[]): string | undefined {
  const ranked = among
    .map(({ name }) => ({ name, distance: leven(wanted, name) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(3, wanted.length / 2) ? best.name : undefined;
}
