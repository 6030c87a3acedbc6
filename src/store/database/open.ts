import type { Knex } from 'knex';
import type { DatabaseSettings, SchemaNames } from '../../config/settings.ts';
import { SchemaError } from '../../errors.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import type { SessionCreation } from '../../sessions/creation.ts';
import type { Standings } from '../../sessions/standing.ts';
import { createSessionCreation } from '../creation.ts';
import { createStandings } from '../combined/standings.ts';
import type { CountingStore } from '../../sessions/statistics.ts';
import {
  normalise,
  tableLabel,
  type Catalog,
  type CatalogColumn,
  type CatalogTable,
} from './schema/catalog.ts';
import { connectDatabase, type ConnectOptions } from './connect/connect.ts';
import { createDatabaseCreation, type DatabaseCreation } from './create/creating.ts';
import { createDatabaseStore } from './database-store.ts';
import type { Dialect } from './dialects/dialect.ts';
import { createDirectory, type Directory } from './directory.ts';
import { createFigures } from './read/figures.ts';
import { readSchema, userTable } from './schema/read-schema.ts';
import {
  keyColumn,
  handsOutJwts,
  recogniseHistory,
  recogniseSessions,
  recogniseUsers,
  recogniseVerifications,
  touchedColumns,
  usersWithoutId,
} from './schema/recognise.ts';
import { createSessionRows, type SessionRows } from './read/session-rows.ts';
import type { KeyKind, Shape } from './schema/shape.ts';
import { recogniseApiKeys, recogniseTokens } from './schema/recognise-plugins.ts';
import { recogniseWaysBack } from './end/ways-back/recognise-ways-back.ts';

/** The recognised schema, in words for a reader. */
export interface SchemaSummary {
  /** For example `PostgreSQL 15.20`. */
  readonly server: string;
  readonly sessionTable: string;
  readonly userTable: string | null;
  readonly keyType: KeyKind;
  readonly timeEncoding: string;
  /** False where the database holds wall clocks and no zone is configured. */
  readonly zoneKnown: boolean;
  /**
   * Keys of settings, such as `schema.columns.token`, and the names that the database has. Only names that sessionctl
   * found by a likely name.
   */
  readonly taken: Readonly<Record<string, string>>;
}

/** Sessions in a database, with everything that it knows about them. */
export interface DatabaseStore extends SessionStore, Directory, CountingStore {
  readonly standings: Standings;
  readonly creation: SessionCreation;
  /** Creates only the row, for a caller that also writes to another store. */
  readonly rowCreation: DatabaseCreation;
  readonly schema: SchemaSummary;
  /** Aborted by the run's signal. */
  readonly rows: SessionRows;
  /** Runs to its end even after the signal. */
  readonly steadfastRows: SessionRows;
  /**
   * Like the functions of these names, but runs to its end even after the signal: what is done in another store must be
   * done here too.
   */
  readonly steadfast: Pick<SessionStore, 'end' | 'pick' | 'list'>;
}

export interface OpenOptions extends Omit<ConnectOptions, 'mayBeMissing'> {
  /** See `SessionStore`; null if left out. */
  readonly expiresIn?: number | null;
  /** Rows of ended sessions are kept as records; false if left out. */
  readonly preserve?: boolean;
}

/**
 * Connects, reads the clock and recognises the schema, in one round trip where the database allows.
 * @throws ConnectionError where the database cannot be reached or refuses, within the connect timeout
 * @throws SchemaError where the session table is missing, ambiguous or in an unknown form
 */
export async function openDatabaseStore(
  settings: DatabaseSettings,
  options: OpenOptions,
): Promise<DatabaseStore> {
  const connection = await connectDatabase(settings, options);
  const { knex, dialect, target, names, guard, settle, persist, close } = connection;
  try {
    const { catalog, shape } = await guard(async () => {
      const found = await readSchema(connection);
      return {
        catalog: found,
        shape: await recogniseShape(knex, dialect, found, { ...settings, schema: names }, target.database),
      };
    });
    const schema = summarise(catalog, shape, names);
    const cautions = [
      ...(catalog.mayLag ? [MAY_LAG] : []),
      ...(shape.session.hidesRows ? [HIDDEN_ROWS] : []),
      ...(schema.zoneKnown
        ? []
        : [
            `times are stored without a time zone (${schema.timeEncoding}) and read as UTC. If the application writes another zone, set time_zone or --time-zone`,
          ]),
    ];
    const parts = {
      knex,
      dialect,
      shape,
      target,
      now: catalog.now,
      cautions,
      signal: options.signal,
      guard,
      settle,
      persist,
      timeZone: settings.timeZone,
      expiresIn: options.expiresIn ?? null,
      preserve: options.preserve ?? false,
    };
    const directory = createDirectory({
      ...connection,
      shape: { ...shape, locked: shape.session },
      server: schema.server,
      now: catalog.now,
      settings,
      options,
    });
    const sessions = createDatabaseStore(parts);
    const sessionCatalog = catalog.tables.find(
      ({ schema: place, name }) => place === shape.session.schema && name === shape.session.name,
    );
    if (sessionCatalog === undefined) throw new Error('the catalogue has lost the session table');
    const rowCreation = createDatabaseCreation({ ...parts, catalog: sessionCatalog });
    return {
      ...directory,
      ...sessions,
      rowCreation,
      creation: createSessionCreation({ directory, rows: rowCreation, secondary: null }),
      standings: createStandings({
        directory,
        table: sessions,
        secondary: null,
        rowsAreRecords: false,
        tokenOf: () => Promise.resolve(null),
      }),
      ...createFigures(parts),
      schema,
      rows: createSessionRows(parts),
      steadfastRows: createSessionRows({ ...parts, guard: settle }),
      steadfast: createDatabaseStore({ ...parts, guard: settle, signal: new AbortController().signal }),
      examination: async () => {
        const { createDatabaseExamination, createTableExamination } =
          await import('./examine/examination.ts');
        return createDatabaseExamination({
          ...parts,
          server: schema.server,
          shape: { ...shape, ended: shape.session },
          table: createTableExamination(parts, schema),
        });
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const MAY_LAG =
  'this server is a replica or read-only. It may be behind the primary: sessions may have begun or ended there since';

const HIDDEN_ROWS =
  'row-level security is on for this account. Sessions that its policies hide are not shown, not ended and not counted as remaining. Use the owner of the table, or a role with BYPASSRLS';

async function recogniseShape(
  knex: Knex,
  dialect: Dialect,
  catalog: Catalog,
  settings: DatabaseSettings,
  database: string,
): Promise<Shape> {
  const { table, columns } = recogniseSessions(catalog, settings.schema, database);
  const users = recogniseUsers(catalog, { table, columns }, settings.schema, database);
  const times = [columns.expiresAt, columns.createdAt, columns.updatedAt] as const;
  const encodings = await dialect.timeEncodings(knex, table, times, settings.timeZone);
  const [expiresAt, createdAt, updatedAt] = times.map((column, at) => {
    const encoding = encodings[at];
    if (encoding === undefined) throw new Error(`no encoding for ${column.name}`);
    return { name: column.name, encoding };
  });
  if (expiresAt === undefined || createdAt === undefined || updatedAt === undefined)
    throw new Error('a time column is missing');
  const verifications = recogniseVerifications(catalog, table, settings.schema);
  const tokens = recogniseTokens(catalog, table);
  await requireExactKeys(dialect, knex, table, columns.id);
  if (users !== null) await requireExactKeys(dialect, knex, users.table, users.id);
  return {
    session: {
      schema: table.schema,
      name: table.name,
      id: keyColumn(table, columns.id),
      userId: keyColumn(table, columns.userId),
      token: columns.token.name,
      expiresAt,
      createdAt,
      updatedAt,
      ipAddress: columns.ipAddress?.name ?? null,
      userAgent: columns.userAgent?.name ?? null,
      impersonatedBy: columns.impersonatedBy === undefined ? null : keyColumn(table, columns.impersonatedBy),
      activeOrganizationId: columns.activeOrganizationId?.name ?? null,
      unrecognised: table.columns
        .map(({ name }) => name)
        .filter((name) => !Object.values(columns).some((column) => column.name === name)),
      touched: touchedColumns(table),
      hidesRows: table.hidesRows === true,
    },
    user: users === null ? null : userTable(users),
    usersWithoutId: users === null ? usersWithoutId(catalog, { table, columns }, settings.schema) : null,
    tokens,
    apiKeys: recogniseApiKeys(catalog, table),
    verifications,
    waysBack: recogniseWaysBack(catalog, table, verifications, tokens),
    handsOutJwts: handsOutJwts(catalog, table),
    history: recogniseHistory(catalog, table.schema),
  };
}

/** @throws SchemaError where the column holds keys that would be read as others, or not at all */
async function requireExactKeys(
  { strayKeys }: Dialect,
  knex: Knex,
  table: CatalogTable,
  column: CatalogColumn,
): Promise<void> {
  const key = keyColumn(table, column);
  const stray = await strayKeys?.(knex, table.name, key);
  if (stray === undefined || stray === null) return;
  throw new SchemaError(
    `${tableLabel(table)}.${column.name} is declared as ${column.type === '' ? 'no type' : column.type} and holds values of the type ${stray}`,
    {
      hint: `sessionctl can tell such keys apart only if every one is ${key.kind === 'integer' ? 'an integer' : 'text'}. Convert the column, or end these sessions in the application.`,
    },
  );
}

/** Settings for the names that sessionctl found by a likely name. */
function takenNames(
  { session, user, verifications }: Shape,
  { likely }: SchemaNames,
): Record<string, string> {
  if (likely === undefined) return {};
  const nameOf = (column: unknown) =>
    typeof column === 'string' ? column : (column as { readonly name: string } | null)?.name;
  const taken: Record<string, string> = {};
  const take = (key: string, fields: Readonly<Record<string, string>>, recognised: object | null) => {
    for (const [field, name] of Object.entries(fields)) {
      const column = nameOf((recognised as Readonly<Record<string, unknown>> | null)?.[field] ?? null);
      if (
        column !== undefined &&
        normalise(column) !== normalise(field) &&
        normalise(column) === normalise(name)
      )
        taken[`schema.${key}.${field}`] = column;
    }
  };
  take('columns', likely.columns, session);
  take('user_columns', likely.userColumns, user === null ? null : { ...user, name: user.displayName });
  take('verification_columns', likely.verificationColumns, verifications);
  const named = likely.verificationTable;
  if (named !== null && verifications !== null && normalise(named) === normalise(verifications.name))
    taken['schema.verification_table'] = verifications.name;
  return taken;
}

function summarise(catalog: Catalog, shape: Shape, names: SchemaNames): SchemaSummary {
  const { session, user } = shape;
  const encodings = [session.expiresAt, session.createdAt, session.updatedAt].map(
    (column) => column.encoding,
  );
  return {
    server: catalog.server,
    sessionTable: tableLabel(session),
    userTable: user === null ? null : tableLabel(user),
    keyType: session.id.kind,
    timeEncoding: [...new Set(encodings.map((encoding) => encoding.label))].join('; '),
    zoneKnown: encodings.every((encoding) => encoding.zoneKnown),
    taken: takenNames(shape, names),
  };
}
