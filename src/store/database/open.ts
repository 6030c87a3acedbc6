import type { Knex } from 'knex';
import type { DatabaseSettings } from '../../config/settings.ts';
import { ConfigError, ConnectionError, SessionctlError } from '../../errors.ts';
import type { Redactor } from '../../redaction.ts';
import type { SessionStore, Target } from '../../sessions/session-store.ts';
import { tableLabel, type Catalog } from './catalog.ts';
import { createDatabaseStore } from './database-store.ts';
import { describeLocation, parseDatabaseUrl, type DatabaseLocation } from './database-url.ts';
import type { Dialect } from './dialects/dialect.ts';
import { keyColumn, recogniseSessions, recogniseUsers, tablesOfInterest } from './recognise.ts';
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

export interface DatabaseStore extends SessionStore {
  readonly schema: SchemaSummary;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** `read` opens SQLite so that nothing can be written. */
  readonly access: 'read' | 'write';
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
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
  const location = parseDatabaseUrl(settings.url, settings.cwd);
  if (location.dialect !== 'sqlite') options.redactor.protect(location.password);
  const database = describeLocation(location);
  const dialect = await loadDialect(location);
  const names = { ...settings.schema, databaseSchema: schemaName(settings, location) };
  const { signal } = options;
  const guard = <Result>(work: () => Promise<Result>) =>
    explained(dialect, database, () => unlessAborted(signal, work));

  const knex = await dialect.connect(location, settings, options.access);
  try {
    const { catalog, shape } = await guard(async () => {
      const named = [names.table, names.userTable].filter((name) => name !== null);
      const found = await dialect.readCatalog(knex, tablesOfInterest, named);
      return {
        catalog: found,
        shape: await recogniseShape(knex, dialect, found, { ...settings, schema: names }, database),
      };
    });
    const target: Target = { profile: settings.profile, dialect: dialect.name, database, redis: null };
    const schema = summarise(catalog, shape);
    const cautions = schema.zoneKnown
      ? []
      : [
          `times are stored without a time zone (${schema.timeEncoding}) and read as UTC; if the application writes another zone, set time_zone or --time-zone`,
        ];
    const store = createDatabaseStore({
      knex,
      dialect,
      shape,
      target,
      now: catalog.now,
      cautions,
      signal,
      guard,
    });
    return { ...store, schema, close };
  } catch (error) {
    await close();
    throw error;
  }

  /** A connection that somebody gave up waiting for ends with the process; closing it would be the same wait again. */
  async function close(): Promise<void> {
    if (!signal.aborted) await knex.destroy();
  }
}

async function loadDialect(location: DatabaseLocation): Promise<Dialect> {
  switch (location.dialect) {
    case 'postgresql':
      return (await import('./dialects/postgresql.ts')).postgresql;
    case 'mysql':
      return (await import('./dialects/mysql.ts')).mysql;
    case 'sqlite':
      return (await import('./dialects/sqlite.ts')).sqlite;
    default:
      return location satisfies never;
  }
}

/** Prisma's URLs name the PostgreSQL schema in a parameter. */
function schemaName(settings: DatabaseSettings, location: DatabaseLocation): string | null {
  const configured = settings.schema.databaseSchema;
  if (location.dialect === 'postgresql') return configured ?? location.parameters.get('schema') ?? null;
  if (configured === null) return null;
  throw new ConfigError('database_schema is for PostgreSQL only', {
    hint: 'On MySQL and MariaDB the database is named in the URL.',
  });
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
      impersonatedBy: columns.impersonatedBy?.name ?? null,
      activeOrganizationId: columns.activeOrganizationId?.name ?? null,
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

/** Turns what a driver throws into an error that names the database and the way out. */
async function explained<Result>(
  dialect: Dialect,
  database: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SessionctlError) throw error;
    const refusal = dialect.explain(error, database);
    if (refusal === undefined) throw error;
    throw new ConnectionError(refusal.message, { hint: refusal.hint, cause: refusal.cause });
  }
}

/** Rejects as soon as the signal is given, whatever the driver is waiting for. */
async function unlessAborted<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  signal.throwIfAborted();
  let giveUp: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => {
      reject(new Error(String(signal.reason)));
    };
    signal.addEventListener('abort', giveUp);
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
