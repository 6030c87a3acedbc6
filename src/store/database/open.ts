import type { Knex } from 'knex';
import type { DatabaseSettings } from '../../config/settings.ts';
import type { HistoryRecord } from '../../history/history-record.ts';
import type { LockableStore } from '../../sessions/run-lock.ts';
import type { ReplicatedStore } from '../../sessions/replication.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import { tableLabel, type Catalog } from './catalog.ts';
import { connectDatabase, type ConnectOptions, type DatabaseConnection } from './connect.ts';
import { createDatabaseStore } from './database-store.ts';
import type { Dialect } from './dialects/dialect.ts';
import {
  keyColumn,
  recogniseApiKeys,
  recogniseHistory,
  recogniseSessions,
  recogniseTokens,
  recogniseUsers,
  recogniseVerifications,
  tablesOfInterest,
  tokenColumns,
  touchedColumns,
} from './recognise.ts';
import type { KeyKind, Shape } from './shape.ts';

/** What was recognised, in words for a person. */
export interface SchemaSummary {
  /** Such as `PostgreSQL 15.20`. */
  readonly server: string;
  readonly sessionTable: string;
  readonly userTable: string | null;
  readonly keyType: KeyKind;
  readonly timeEncoding: string;
  /** False where the database holds wall clocks and nobody said of which zone. */
  readonly zoneKnown: boolean;
}

/** What sessionctl changed, kept in the database itself, for whoever looks from anywhere. */
export interface DatabaseHistory {
  /** Not given up by the run's signal. A record that is there already is not written again. */
  append(record: HistoryRecord): Promise<void>;
  /**
   * The last `limit` records, the newest first, as they were written, intact or not.
   * @throws FailedError where a row is no record
   */
  read(limit: number): Promise<readonly HistoryRecord[]>;
}

export interface DatabaseStore extends SessionStore, LockableStore, ReplicatedStore {
  readonly schema: SchemaSummary;
  /** Null where `schema migrate` has made no table for it. */
  readonly history: DatabaseHistory | null;
  close(): Promise<void>;
}

export type OpenOptions = Omit<ConnectOptions, 'mayBeMissing'>;

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
      const named = [names.table, names.userTable].filter((name) => name !== null);
      const found = await dialect.readCatalog(knex, {
        names: tablesOfInterest,
        named,
        columns: tokenColumns,
      });
      return {
        catalog: found,
        shape: await recogniseShape(knex, dialect, found, { ...settings, schema: names }, target.database),
      };
    });
    const schema = summarise(catalog, shape);
    const cautions = [
      ...(shape.session.hidesRows ? [HIDDEN_ROWS] : []),
      ...(schema.zoneKnown
        ? []
        : [
            `times are stored without a time zone (${schema.timeEncoding}) and read as UTC; if the application writes another zone, set time_zone or --time-zone`,
          ]),
    ];
    const store = createDatabaseStore({
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
    });
    return {
      ...store,
      schema,
      history: createHistory(connection, shape),
      lock: async (name, own, wait) => {
        const { acquireRunLock } = await import('./run-lock.ts');
        return acquireRunLock({ ...connection, shape, signal: options.signal }, name, own, wait);
      },
      openReplication: async () => {
        const { openReplication } = await import('./replication.ts');
        return openReplication(connection, settings, options);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const HIDDEN_ROWS =
  'row-level security is on for this account: sessions that its policies hide are neither shown nor ended, and not known to be left; use the owner of the table, or a role with BYPASSRLS';

function createHistory(
  { knex, dialect, guard, persist }: DatabaseConnection,
  shape: Shape,
): DatabaseHistory | null {
  const { history } = shape;
  if (history === null) return null;
  return {
    append: (record) =>
      persist(async () => {
        const { appendToHistoryTable } = await import('./history-table.ts');
        await appendToHistoryTable(knex, dialect, history, record);
      }),
    read: (limit) =>
      guard(async () => {
        const { readHistoryTable } = await import('./history-table.ts');
        return readHistoryTable(knex, history, limit);
      }),
  };
}

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
      touched: touchedColumns(table),
      hidesRows: table.hidesRows === true,
    },
    user:
      users === null
        ? null
        : {
            schema: users.table.schema,
            name: users.table.name,
            id: keyColumn(users.table, users.id),
            email: users.email?.name ?? null,
            displayName: users.name?.name ?? null,
          },
    tokens: recogniseTokens(catalog, table),
    apiKeys: recogniseApiKeys(catalog, table),
    verifications: recogniseVerifications(catalog, table),
    history: recogniseHistory(catalog, table.schema),
  };
}

function summarise(catalog: Catalog, { session, user }: Shape): SchemaSummary {
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
  };
}
