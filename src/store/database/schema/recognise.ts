import type { SchemaNames } from '../../../config/settings.ts';
import { SchemaError } from '../../../errors.ts';
import { normalise, tableLabel, type Catalog, type CatalogColumn, type CatalogTable } from './catalog.ts';
import type { HistoryTable, KeyColumn, KeyKind, VerificationTable } from './shape.ts';
import { requireWholeNames } from './whole-names.ts';
import { noSessionTable, missingFields } from './no-session-table.ts';
import type { REQUIRED } from './session-columns.ts';
import {
  OPTIONAL,
  type SessionField,
  SESSION_TABLES,
  USER_TABLES,
  fieldColumn,
  candidates,
  namedTables,
} from './session-columns.ts';

const VERIFICATION_TABLES = ['verification', 'verifications'];
const KEY_PAIR_TABLES = ['jwks'];

/** The table of sessionctl's own history. */
export const HISTORY_TABLE = 'sessionctl_history';
const HISTORY_COLUMNS = [
  'id', 'run_id', 'event', 'at', 'operator', 'host', 'sequence', 'previous', 'hash', 'record',
]; // prettier-ignore

/** The normalised names of the tables that a catalogue is read for. */
export const tablesOfInterest: readonly string[] = [
  ...SESSION_TABLES,
  ...USER_TABLES,
  ...VERIFICATION_TABLES,
  ...KEY_PAIR_TABLES,
  normalise(HISTORY_TABLE),
];

/** The place of the table beside which others are found. */
type TablePlace = Pick<CatalogTable, 'schema' | 'name'>;

/** A table and the columns that hold Better Auth's fields. */
export interface RecognisedSessions {
  readonly table: CatalogTable;
  readonly columns: Readonly<Record<(typeof REQUIRED)[number], CatalogColumn>> &
    Readonly<Partial<Record<(typeof OPTIONAL)[number], CatalogColumn>>>;
}

export interface RecognisedUsers {
  readonly table: CatalogTable;
  readonly id: CatalogColumn;
  readonly email: CatalogColumn | null;
  readonly name: CatalogColumn | null;
  readonly banned: CatalogColumn | null;
  readonly banExpires: CatalogColumn | null;
}

/**
 * Finds the session table, by its name or by the configuration.
 * @param database for messages
 * @throws SchemaError where there is none, or several: sessionctl never guesses which one is meant
 */
export function recogniseSessions(
  catalog: Catalog,
  names: SchemaNames,
  database: string,
): RecognisedSessions {
  const named = candidates(catalog, names.table, names.databaseSchema, SESSION_TABLES);
  const fits = preferred(named.filter((table) => missingFields(table, names).length === 0));
  const [table, ...others] = fits;
  if (table === undefined) throw noSessionTable(named, catalog, names, database);
  if (others.length > 0) {
    throw new SchemaError(`${database} has several session tables: ${fits.map(tableLabel).join(', ')}`, {
      hint: severalHint(fits, 'table'),
    });
  }
  const column = (field: SessionField) => fieldColumn(table, field, names.columns, names.likely?.columns);
  const required = (field: (typeof REQUIRED)[number]) => {
    const found = column(field);
    if (found === undefined) throw new SchemaError(`${tableLabel(table)} has no column for ${field}`);
    return found;
  };
  const optional = Object.fromEntries(
    OPTIONAL.flatMap((field) => {
      const found = column(field);
      return found === undefined ? [] : [[field, found] as const];
    }),
  );
  const columns = {
    id: required('id'),
    token: required('token'),
    userId: required('userId'),
    expiresAt: required('expiresAt'),
    createdAt: required('createdAt'),
    updatedAt: required('updatedAt'),
    ...optional,
  };
  requireUsableNames(table, [...Object.values(columns).map(({ name }) => name), ...touchedColumns(table)]);
  return { table, columns };
}

/**
 * Finds the user table: the configured one, or else the one that the session's foreign key refers to, or else one by
 * name in the same schema. Null where there is none; sessions are still shown.
 * @throws SchemaError where the configured one does not exist, or several fit
 */
export function recogniseUsers(
  catalog: Catalog,
  sessions: RecognisedSessions,
  names: SchemaNames,
  database: string,
): RecognisedUsers | null {
  return onlyUsers(userPool(catalog, sessions, names), names, database);
}

/** The user table that cannot be used, since none of its columns is recognised as the id. Null where there is none. */
export function usersWithoutId(
  catalog: Catalog,
  sessions: RecognisedSessions,
  names: SchemaNames,
): string | null {
  const [table] = userPool(catalog, sessions, names);
  return table === undefined || fieldColumn(table, 'id', names.userColumns) !== undefined
    ? null
    : tableLabel(table);
}

function userPool(
  catalog: Catalog,
  sessions: RecognisedSessions,
  names: SchemaNames,
): readonly CatalogTable[] {
  const { table: sessionTable } = sessions;
  const inSchema = catalog.tables.filter((table) => table.schema === sessionTable.schema);
  const reference = sessionTable.references.find((key) => key.column === sessions.columns.userId.name);
  const referred = catalog.tables.filter(
    (table) => table.schema === reference?.schema && table.name === reference.table,
  );
  const byName = inSchema.filter((table) => USER_TABLES.includes(normalise(table.name)));
  if (names.userTable !== null) return inSchema.filter((table) => table.name === names.userTable);
  return referred.length > 0 ? referred : byName;
}

/**
 * Finds the user table where sessions need not be in the database: the configured one, or else one by name.
 * @throws SchemaError where the configured one does not exist, or several fit
 */
export function recogniseUsersAlone(
  catalog: Catalog,
  names: SchemaNames,
  database: string,
): RecognisedUsers | null {
  return onlyUsers(namedTables(catalog, names).users, names, database);
}

/** Of several tables those that the account may read, and of these the one that its search_path finds. */
function preferred(tables: readonly CatalogTable[]): readonly CatalogTable[] {
  const readable = tables.filter(({ isReadable }) => isReadable !== false);
  const some = readable.length === 0 ? tables : readable;
  const onPath = some.filter(({ isOnPath }) => isOnPath === true);
  return onPath.length === 1 ? onPath : some;
}

function severalHint(tables: readonly CatalogTable[], key: 'table' | 'user_table'): string {
  const [{ schema, name } = { schema: null, name: '…' }] = tables;
  const isOfSchema = new Set(tables.map((table) => table.name)).size === 1;
  const example = isOfSchema && schema !== null ? `database_schema = "${schema}"` : `${key} = "${name}"`;
  return `Choose one in the profile: [profiles.<name>.schema] ${example}.`;
}

function onlyUsers(
  pool: readonly CatalogTable[],
  names: SchemaNames,
  database: string,
): RecognisedUsers | null {
  const fits = preferred(pool).flatMap((table) => {
    const id = fieldColumn(table, 'id', names.userColumns);
    return id === undefined ? [] : [{ table, id }];
  });
  const [only, ...others] = fits;
  if (only === undefined) {
    if (names.userTable === null) return null;
    throw new SchemaError(`${database} has no user table ${JSON.stringify(names.userTable)} with an id`, {
      hint: `Correct user_table in the schema section of the profile, or leave it out.`,
    });
  }
  if (others.length > 0) {
    throw new SchemaError(
      `${database} has several user tables: ${fits.map((each) => tableLabel(each.table)).join(', ')}`,
      {
        hint: severalHint(
          fits.map(({ table }) => table),
          'user_table',
        ),
      },
    );
  }
  const column = (field: string) =>
    fieldColumn(only.table, field, names.userColumns, names.likely?.userColumns) ?? null;
  const fields = {
    email: column('email'),
    name: column('name'),
    banned: column('banned'),
    banExpires: column('banExpires'),
  };
  requireUsableNames(
    only.table,
    [only.id, ...Object.values(fields)].map((each) => each?.name),
  );
  return { ...only, ...fields };
}

/**
 * Whether the JWT plugin keeps its key pairs beside the sessions. If so, the application issues tokens signed with
 * them.
 */
export function handsOutJwts(catalog: Catalog, { schema }: Pick<TablePlace, 'schema'>): boolean {
  return catalog.tables.some(
    (table) =>
      table.schema === schema &&
      KEY_PAIR_TABLES.includes(normalise(table.name)) &&
      ['publickey', 'privatekey'].every((field) =>
        table.columns.some((column) => normalise(column.name) === field),
      ),
  );
}

/**
 * Better Auth's `verification` table beside the sessions, by the configuration or by its name; null where no table has
 * its columns.
 */
export function recogniseVerifications(
  catalog: Catalog,
  sessions: TablePlace,
  names: SchemaNames,
): VerificationTable | null {
  const { verificationTable = null, verificationColumns = {}, likely } = names;
  const isNamed = (table: CatalogTable, name: string) => normalise(table.name) === normalise(name);
  const inSchema = catalog.tables.filter(({ schema }) => schema === sessions.schema);
  const own = inSchema.filter((table) =>
    verificationTable === null
      ? VERIFICATION_TABLES.includes(normalise(table.name))
      : table.name === verificationTable,
  );
  const named = likely?.verificationTable ?? null;
  const pool = own.length === 0 && named !== null ? inSchema.filter((table) => isNamed(table, named)) : own;
  for (const table of pool) {
    const column = (field: string) =>
      fieldColumn(table, field, verificationColumns, likely?.verificationColumns);
    const [id, expiresAt, identifier, value] = ['id', 'expiresAt', 'identifier', 'value'].map(column);
    if (id === undefined || expiresAt === undefined || identifier === undefined || value === undefined)
      continue;
    // Another program's table of that name must not prevent work on sessions.
    if (!isKey(id)) continue;
    requireUsableNames(
      table,
      [id, expiresAt, value].map(({ name }) => name),
    );
    return {
      schema: table.schema,
      name: table.name,
      id: keyColumn(table, id),
      expiresAt,
      identifier: identifier.name,
      value: value.name,
      catalog: table,
    };
  }
  return null;
}

/** The table of sessionctl's own history; null where there is none, or where another table has its name. */
export function recogniseHistory(catalog: Catalog, schema: string | null): HistoryTable | null {
  const table = catalog.tables.find((each) => each.name === HISTORY_TABLE && each.schema === schema);
  const isWhole = HISTORY_COLUMNS.every((name) => table?.columns.some((column) => column.name === name));
  return table === undefined || !isWhole ? null : { schema, name: table.name };
}

/** Names of further tables that a catalogue is read for. */
export function tablesNamed({ table, userTable, verificationTable, likely }: SchemaNames): readonly string[] {
  return [table, userTable, verificationTable, likely?.verificationTable].filter(
    (name) => name !== null && name !== undefined,
  );
}

/** The columns that the database sets automatically when a row is updated. */
export function touchedColumns(table: CatalogTable): readonly string[] {
  return table.columns.filter(({ onUpdate }) => onUpdate).map(({ name }) => name);
}

/** @throws SchemaError where the table, or a column that is used, has a name that cannot be quoted as one piece */
export function requireUsableNames(
  { schema, name }: CatalogTable,
  columns: readonly (string | undefined)[],
): void {
  requireWholeNames('of a table', [name]);
  requireWholeNames(`of the schema of the table ${name}`, [schema]);
  requireWholeNames(`of a column of ${tableLabel({ schema, name })}`, columns);
}

/** @throws SchemaError for a column that cannot be a key of Better Auth: text, uuid or integer */
export function keyColumn(table: CatalogTable, column: CatalogColumn): KeyColumn {
  if (!isKey(column)) {
    throw new SchemaError(
      `${tableLabel(table)}.${column.name} has the type ${column.type}, which is not a type of key that Better Auth uses`,
      {
        hint: 'Supported types of keys are text, uuid and integer. Is this the right table?',
      },
    );
  }
  return { name: column.name, kind: column.kind };
}

/** Whether a column may hold keys of Better Auth. */
export function isKey(column: CatalogColumn): column is CatalogColumn & { readonly kind: KeyKind } {
  const kinds: readonly string[] = ['text', 'uuid', 'integer'] satisfies KeyKind[];
  return kinds.includes(column.kind);
}
