import type { Knex } from 'knex';
import { SchemaError } from '../../../errors.ts';
import type { SchemaPart } from '../../../sessions/schema-store.ts';
import { normalise, tableLabel, type Catalog } from '../schema/catalog.ts';
import type { DatabaseConnection } from '../connect/connect.ts';
import type { ColumnIndexes, IndexedColumn, SchemaDialect } from '../dialects/schema-dialect.ts';
import {
  HISTORY_TABLE,
  recogniseHistory,
  recogniseSessions,
  recogniseUsers,
  tablesOfInterest,
} from '../schema/recognise.ts';
import { namedTables } from '../schema/session-columns.ts';
import { refuseView } from '../schema/no-session-table.ts';
import type { HistoryTable } from '../schema/shape.ts';
import { requireWholeNames } from '../schema/whole-names.ts';

export const MIGRATIONS_TABLE = 'sessionctl_migrations';
export const LOCK_TABLE = `${MIGRATIONS_TABLE}_lock`;
export const EXPIRY_INDEX = 'sessionctl_session_expires_idx';

/** The names under which Knex records finished migrations. */
export const MIGRATIONS = {
  /** Recorded before the core tables are begun. If only some of them exist, it shows that sessionctl created them. */
  foundEmpty: '1_found_empty',
  coreTables: '2_core_tables',
  historyTable: '3_history_table',
  expiryIndex: '4_expiry_index',
} as const;

/** The existing parts of Better Auth. */
interface Deployment {
  /**
   * Half made: some tables were created by an earlier run, on a database that cannot create several in one transaction.
   */
  readonly core: 'missing' | 'half made' | 'there';
  /** The tables, as text. */
  readonly tables: string;
  /** The PostgreSQL schema that contains them, or in which they will be created. */
  readonly schema: string | null;
  /** The expiry column of sessions, existing or to be created; null where sessions are stored elsewhere. */
  readonly expiry: IndexedColumn | null;
}

/** Everything that sessionctl can add to a database, with what exists of it. */
export interface SchemaState extends Deployment {
  readonly server: string;
  readonly expiryIndexes: ColumnIndexes;
  readonly history: HistoryTable | null;
  /** The existing ones of Knex's two bookkeeping tables. */
  readonly bookkeeping: readonly string[];
  readonly recorded: readonly RecordedMigration[];
}

interface RecordedMigration {
  readonly name: string;
  readonly batch: number;
}

/**
 * Reads the current state.
 * @throws SchemaError where it is ambiguous, or not a schema that sessionctl supports
 */
export async function readSchemaState(
  knex: Knex,
  connection: DatabaseConnection,
  schemaDialect: SchemaDialect,
): Promise<SchemaState> {
  const { dialect, names, target } = connection;
  const catalog = await dialect.readCatalog(knex, {
    names: [...tablesOfInterest, normalise(MIGRATIONS_TABLE), normalise(LOCK_TABLE)],
    named: [names.table, names.userTable].filter((name) => name !== null),
    columns: [],
  });
  const found =
    findDeployment(catalog, connection) ??
    newDeployment(await schemaDialect.homeSchema(knex, names.databaseSchema), connection);
  requireWholeNames('of a schema', [found.schema]);
  const own = catalog.tables.filter((table) => table.schema === found.schema);
  const bookkeeping = [MIGRATIONS_TABLE, LOCK_TABLE].filter((name) => own.some((each) => each.name === name));
  const recorded = bookkeeping.includes(MIGRATIONS_TABLE)
    ? await readRecords(knex, connection, found.schema)
    : [];
  const done = recorded.map(({ name }) => name);
  const isHalfMade = done.includes(MIGRATIONS.foundEmpty) && !done.includes(MIGRATIONS.coreTables);
  const deployment = isHalfMade
    ? { ...newDeployment(found.schema, connection), core: 'half made' as const }
    : found;
  const history = recogniseHistory(catalog, found.schema);
  const ofThatName = own.find((table) => table.name === HISTORY_TABLE);
  if (history === null && ofThatName !== undefined) {
    throw new SchemaError(
      `${target.database} has a table ${tableLabel(ofThatName)} that is not sessionctl's`,
      {
        hint: 'Rename it: sessionctl needs this name for its history.',
      },
    );
  }
  const { expiry } = deployment;
  return {
    ...deployment,
    server: catalog.server,
    expiryIndexes:
      expiry === null || deployment.core !== 'there'
        ? { indexes: [], obstacle: null }
        : await schemaDialect.indexesOn(knex, expiry),
    history,
    bookkeeping,
    recorded,
  };
}

/** The existing and missing parts, for a reader. */
export function partsOf({
  core,
  tables,
  history,
  schema,
  expiry,
  expiryIndexes,
}: SchemaState): readonly SchemaPart[] {
  const usable = expiryIndexes.indexes.find((index) => index.usable);
  const isLeftOver = expiryIndexes.indexes.some(({ name }) => name === EXPIRY_INDEX);
  const historyLabel = tableLabel({ schema, name: HISTORY_TABLE });
  return [
    {
      name: 'core-tables',
      state: core === 'there' ? 'done' : 'pending',
      detail: core === 'there' ? tables : `${core}: ${tables}`,
    },
    {
      name: 'history-table',
      state: history === null ? 'pending' : 'done',
      detail: history === null ? `no table ${historyLabel}` : historyLabel,
    },
    usable !== undefined
      ? { name: 'expiry-index', state: 'done', detail: usable.name }
      : {
          name: 'expiry-index',
          state: 'optional',
          detail:
            expiry === null
              ? 'no session table to index'
              : isLeftOver
                ? `${EXPIRY_INDEX} is invalid: its building was interrupted. migrate --expiry-index builds it again`
                : `none on ${tableLabel({ schema: expiry.schema, name: expiry.table })}.${expiry.column}; migrate --expiry-index builds one`,
        },
  ];
}

/** Better Auth's tables; null where the database has none. */
function findDeployment(catalog: Catalog, { names, target }: DatabaseConnection): Deployment | null {
  const { sessions, users } = namedTables(catalog, names);
  if (sessions.length > 0 || names.table !== null) {
    const recognised = recogniseSessions(catalog, names, target.database);
    const { table, columns } = recognised;
    const user = recogniseUsers(catalog, recognised, names, target.database);
    return {
      core: 'there',
      tables: `${tableLabel(table)}${user === null ? ', no user table' : `, ${tableLabel(user.table)}`}`,
      schema: table.schema,
      expiry: { schema: table.schema, table: table.name, column: columns.expiresAt.name },
    };
  }
  refuseView(catalog, names, target.database);
  const [user, another] = users;
  if (user === undefined) return null;
  if (another !== undefined) {
    throw new SchemaError(
      `${target.database} has no session table and several user tables: ${users.map(tableLabel).join(', ')}`,
      { hint: 'Name the schema in the profile: [profiles.<name>.schema] database_schema = "…".' },
    );
  }
  return {
    core: 'there',
    tables: `${tableLabel(user)}; no session table, as where sessions are only in secondary storage`,
    schema: user.schema,
    expiry: null,
  };
}

/**
 * The tables to create in an empty database.
 * @throws SchemaError where the configuration expects something else
 */
function newDeployment(schema: string | null, { names, target }: DatabaseConnection): Deployment {
  const { userTable, columns, userColumns } = names;
  if (userTable !== null || Object.keys({ ...columns, ...userColumns }).length > 0) {
    throw new SchemaError(
      `${target.database} is empty, and the configuration names tables or columns of its own`,
      {
        hint: 'Let Better Auth create its tables, or leave the names out of [profiles.<name>.schema] to use its default ones.',
      },
    );
  }
  const label = (name: string) => tableLabel({ schema, name });
  return {
    core: 'missing',
    tables: ['user', 'session', 'account', 'verification'].map(label).join(', '),
    schema,
    expiry: { schema, table: 'session', column: 'expiresAt' },
  };
}

/** Knex's records. An account that may not read them has not created them, and still sees which parts exist. */
async function readRecords(
  knex: Knex,
  { dialect }: DatabaseConnection,
  schema: string | null,
): Promise<readonly RecordedMigration[]> {
  try {
    return await rowsOf(knex, schema, MIGRATIONS_TABLE).select<RecordedMigration[]>('name', 'batch');
  } catch (error) {
    if (!dialect.isDenied(error)) throw error;
    return [];
  }
}

export function rowsOf(knex: Knex, schema: string | null, table: string): Knex.QueryBuilder {
  return schema === null ? knex.from(table) : knex.withSchema(schema).from(table);
}
