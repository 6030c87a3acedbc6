import type { Knex } from 'knex';
import type { MissingRight } from '../../../sessions/examination.ts';
import { tableLabel } from '../schema/catalog.ts';
import { SESSION } from '../query/conditions.ts';
import type { DatabaseConnection } from '../connect/connect.ts';
import type { NamedTable } from '../dialects/examination-dialect.ts';
import type { HistoryTable, SessionTable, TokenTable, UserTable, WayBackTable } from '../schema/shape.ts';
import { tableReference } from '../query/table-reference.ts';
import { dialects } from '../dialects/dialects.ts';

/** A database, and its tables that ending and sweeping sessions changes. */
export interface ChangedDatabase extends Pick<DatabaseConnection, 'knex' | 'dialect' | 'target'> {
  readonly shape: {
    readonly user: UserTable | null;
    /** Null where sessions are stored elsewhere. */
    readonly ended: SessionTable | null;
    readonly tokens: readonly TokenTable[];
    readonly waysBack: readonly WayBackTable[];
    readonly history: HistoryTable | null;
  };
}

/** See `DatabaseExamination.missingRights`. */
export function missingRights(parts: ChangedDatabase, preserve: boolean): Promise<readonly MissingRight[]> {
  return lacking(parts, neededRights(parts, preserve));
}

/** The further rights that `--include` of these kinds needs. */
export function missingRightsToInclude(
  parts: ChangedDatabase,
  kinds: ReadonlySet<string>,
): Promise<readonly MissingRight[]> {
  return lacking(parts, rightsToInclude(parts, kinds));
}

async function lacking(
  parts: ChangedDatabase,
  needed: Iterable<NeededRight>,
): Promise<readonly MissingRight[]> {
  const { knex, dialect, target } = parts;
  const own = await dialects[target.dialect].examination();
  if (own.plan === null) return [];
  const missing: MissingRight[] = [];
  const isDenied = async (statement: Knex.Raw) => {
    try {
      await own.plan?.(knex, statement);
      return false;
    } catch (error) {
      if (!dialect.isDenied(error)) throw error;
      return true;
    }
  };
  for (const { right, on, statement, columns } of needed) {
    if (!(await isDenied(statement))) continue;
    const denied: string[] = [];
    for (const column of columns) if (await isDenied(reading(knex, on, [column]))) denied.push(column);
    // The account may have the right on some columns only.
    const isPart = denied.length > 0 && denied.length < columns.length;
    const names = knex.raw(denied.map(() => '??').join(', '), denied).toQuery();
    missing.push({
      right: `${right}${isPart ? ` (${denied.join(', ')})` : ''} on ${tableLabel(on)}`,
      remedy: await own.grant(knex, isPart ? `${right} (${names})` : right, on),
    });
  }
  return missing.filter(({ right }, at) => missing.findIndex((earlier) => earlier.right === right) === at);
}

interface NeededRight {
  readonly right: string;
  readonly on: NamedTable;
  readonly statement: Knex.Raw;
  /** The columns that a SELECT reads. */
  readonly columns: readonly string[];
}

function reading(knex: Knex, on: NamedTable, columns: readonly string[]): Knex.Raw {
  return knex.raw(`SELECT ${columns.map(() => '??').join(', ')} FROM ? WHERE 1 = 0`, [
    ...columns.map((column) => `${SESSION}.${column}`),
    tableReference(knex, on, SESSION),
  ]);
}

function columnsOf(table: SessionTable): readonly string[] {
  const { id, token, userId, expiresAt, createdAt, updatedAt, ipAddress, userAgent, impersonatedBy } = table;
  return [
    id.name,
    token,
    ...[userId, expiresAt, createdAt, updatedAt].map(({ name }) => name),
    ...[ipAddress, userAgent, impersonatedBy?.name ?? null].filter((name) => name !== null),
  ];
}

/** Statements that affect no row. */
function createStatements({ knex, dialect }: Pick<ChangedDatabase, 'knex' | 'dialect'>) {
  const selecting = (on: NamedTable, ...columns: readonly string[]): NeededRight => ({
    right: 'SELECT',
    on,
    statement: reading(knex, on, columns),
    columns,
  });
  const updating = (on: NamedTable, column: string): NeededRight => ({
    right: 'UPDATE',
    on,
    statement: knex.raw('UPDATE ? SET ?? = ?? WHERE 1 = 0', [
      tableReference(knex, on, SESSION),
      column,
      column,
    ]),
    columns: [],
  });
  const deleting = (on: NamedTable): NeededRight => ({
    right: 'DELETE',
    on,
    statement: knex.raw('? WHERE 1 = 0', [
      dialect.deleteFrom(knex, tableReference(knex, on, SESSION), SESSION),
    ]),
    columns: [],
  });
  return { selecting, updating, deleting };
}

/** The rights needed to end what lets users in again. */
function* rightsToInclude(parts: ChangedDatabase, kinds: ReadonlySet<string>): Generator<NeededRight> {
  const { selecting, updating, deleting } = createStatements(parts);
  for (const table of parts.shape.waysBack) {
    const { kind, id, owner, mark, expiries, tokens } = table;
    if (!kinds.has(kind)) continue;
    const marks = [mark, tokens?.sessionId.name, tokens?.revoked].filter((name) => typeof name === 'string');
    yield selecting(table, id.name, owner.name, ...marks, ...expiries.map(({ name }) => name));
    if (kind === 'api-keys' && mark !== null) yield updating(table, mark);
    else yield tokens?.revoked ? updating(table, tokens.revoked) : deleting(table);
  }
}

/** The rights needed by `end`, `sweep` and the history. */
function* neededRights(parts: ChangedDatabase, preserve: boolean): Generator<NeededRight> {
  const {
    knex,
    shape: { user, ended, tokens, history },
  } = parts;
  const { selecting, updating, deleting } = createStatements(parts);
  if (user !== null)
    yield selecting(user, ...[user.id.name, user.email, user.displayName].filter((name) => name !== null));
  if (ended !== null) {
    yield selecting(ended, ...columnsOf(ended));
    if (!preserve) yield deleting(ended);
    // Rows are locked while their tokens end.
    if (preserve || tokens.length > 0) yield updating(ended, ended.expiresAt.name);
  }
  for (const table of tokens) {
    yield selecting(table, table.sessionId.name);
    yield table.revoked === null ? deleting(table) : updating(table, table.revoked);
  }
  if (history !== null) {
    yield selecting(history, 'record');
    yield {
      right: 'INSERT',
      on: history,
      statement: knex.raw('INSERT INTO ? (??) SELECT ?? FROM ? WHERE 1 = 0', [
        history.schema === null
          ? knex.raw('??', [history.name])
          : knex.raw('??.??', [history.schema, history.name]),
        'record',
        `${SESSION}.record`,
        tableReference(knex, history, SESSION),
      ]),
      columns: [],
    };
  }
}
