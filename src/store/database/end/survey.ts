import type { Knex } from 'knex';
import type { Selection } from '../../../sessions/selection.ts';
import type { Survey } from '../../../sessions/ending-store.ts';
import {
  OTHER,
  SESSION,
  isActive,
  isPossibleKey,
  selectionCondition,
  sessionColumn,
} from '../query/conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { Dialect, Value } from '../dialects/dialect.ts';
import { readTime } from '../query/read-time.ts';
import type { TokenTable } from '../schema/shape.ts';
import { tableReference } from '../query/table-reference.ts';
import { isOffline, isUnrevoked } from '../query/token-conditions.ts';
import { isUnreadable } from '../schema/unreadable-time.ts';
import { ownersNamed, ownersOfSessions } from './ways-back/owners.ts';
import { countWaysBack } from './ways-back/ways-back.ts';

/** See `SessionStore.survey`. */
export async function surveySelection(
  parts: DatabaseStoreParts,
  selection: Selection,
  namedUsers: readonly string[],
): Promise<Survey> {
  const { shape } = parts;
  const totals = await countSessions(parts, selection);
  const isEmpty = totals.sessions === 0;
  return {
    ...totals,
    oauthTokens:
      shape.tokens.length === 0
        ? null
        : isEmpty
          ? { bound: 0, offline: 0 }
          : await countTokens(parts, selection),
    apiKeys:
      shape.apiKeys.length === 0
        ? null
        : isEmpty
          ? 0
          : await unlessDenied(parts, countApiKeys(parts, selection)),
    waysBack: await countWaysBack(
      { ...parts, sessions: shape.session },
      namedUsers.length > 0
        ? ownersNamed(parts, namedUsers)
        : isEmpty
          ? ownersNamed(parts, [])
          : ownersOfSessions({ ...parts, table: shape.session }, selection),
    ),
    newestOf: null,
    // Counted even without selected sessions: a user with no session left may have sessions as another user.
    impersonations: await countImpersonations(parts, selection),
  };
}

async function countSessions(parts: DatabaseStoreParts, selection: Selection) {
  const { knex, dialect, shape, now } = parts;
  const { session: table } = shape;
  const { createdAt, expiresAt } = table;
  const created = sessionColumn(createdAt.name);
  // In one pass through the rows: with groups, MySQL would fetch each row through the index on users.
  const totals = knex
    .select(
      knex.raw('count(*)'),
      knex.raw('count(DISTINCT ??)', [sessionColumn(table.userId.name)]),
      knex.raw('sum(CASE WHEN ? THEN 1 ELSE 0 END)', [isActive(knex, expiresAt, now)]),
      knex.raw('max(CASE WHEN ? THEN NULL ELSE ?? END)', [
        isUnreadable(knex, createdAt.encoding, created),
        created,
      ]),
    )
    .from(tableReference(knex, table, SESSION))
    .where(selectionCondition({ ...parts, table }, selection));
  const [sessions, users, active, latest] = await onlyRow(dialect, knex, totals);
  return {
    sessions: Number(sessions ?? 0),
    users: Number(users ?? 0),
    active: Number(active ?? 0),
    newest: readTime(latest, createdAt).at,
  };
}

/** Streamed, so that times arrive as the text that the server wrote. */
async function onlyRow(dialect: Dialect, knex: Knex, query: Knex.QueryBuilder): Promise<readonly Value[]> {
  const native = { ...query.toSQL().toNative(), limited: true };
  for await (const [row] of dialect.stream(knex, native)) if (row !== undefined) return row;
  return [];
}

/** Valid tokens that are bound to the sessions. */
async function countTokens(parts: DatabaseStoreParts, selection: Selection) {
  const { knex, shape } = parts;
  let bound = 0;
  let offline = 0;
  for (const tokens of shape.tokens) {
    const live = knex
      .from(tableReference(knex, tokens, OTHER))
      .where(isUnrevoked(knex, tokens))
      .where(boundTo(parts, tokens, selection));
    const all = await countOf(live.clone());
    const surviving =
      tokens.scopes === null ? 0 : await countOf(live.clone().where(isOffline(parts, tokens)));
    bound += all - surviving;
    offline += surviving;
  }
  return { bound, offline };
}

/** Whether a token is bound to one of the selected sessions. Keys of different kinds are compared as text. */
export function boundTo(parts: DatabaseStoreParts, tokens: TokenTable, selection: Selection): Knex.Raw {
  const { knex, dialect, shape } = parts;
  const { id } = shape.session;
  const as = (column: string) =>
    tokens.sessionId.kind === id.kind ? knex.raw('??', [column]) : dialect.asText(knex, column);
  return knex.raw('? IN (?)', [
    as(`${OTHER}.${tokens.sessionId.name}`),
    selectedColumn(parts, selection, id.name, as),
  ]);
}

async function countApiKeys(parts: DatabaseStoreParts, selection: Selection): Promise<number> {
  const { knex, dialect, shape } = parts;
  const users = selectedColumn(parts, selection, shape.session.userId.name, (column) =>
    dialect.asText(knex, column),
  );
  let sum = 0;
  for (const apiKeys of shape.apiKeys) {
    const isOwned = knex.raw('? IN (?)', [dialect.asText(knex, `${OTHER}.${apiKeys.owner}`), users]);
    sum += await countOf(knex.from(tableReference(knex, apiKeys, OTHER)).where(isOwned));
  }
  return sum;
}

/**
 * Sessions that the selected users opened as administrators in another user's name, and that the selection does not
 * include.
 */
async function countImpersonations(parts: DatabaseStoreParts, selection: Selection): Promise<number | null> {
  const { knex, dialect, shape, now } = parts;
  const { session: table } = shape;
  if (table.impersonatedBy === null || selection.userIds.length === 0) return null;
  // Having too many sessions is no reason for suspicion.
  if (selection.keepNewest !== null) return null;
  const column = sessionColumn(table.impersonatedBy.name);
  const { impersonatedBy } = table;
  const ids = selection.userIds.filter((id) => isPossibleKey(impersonatedBy, id));
  if (ids.length === 0) return 0;
  return countOf(
    knex
      .from(tableReference(knex, table, SESSION))
      .where(dialect.keyIn(knex, column, impersonatedBy, ids))
      .where(isActive(knex, table.expiresAt, now))
      .whereRaw('NOT COALESCE(?, FALSE)', [selectionCondition({ ...parts, table }, selection)]),
  );
}

/** A figure that is only shown must not stop a run: null where the account may not read it. */
async function unlessDenied({ dialect }: DatabaseStoreParts, count: Promise<number>): Promise<number | null> {
  try {
    return await count;
  } catch (error) {
    if (dialect.isDenied(error)) return null;
    throw error;
  }
}

/** A column of the selected sessions as a subquery. */
function selectedColumn(
  parts: DatabaseStoreParts,
  selection: Selection,
  name: string,
  as: (column: string) => Knex.Raw,
): Knex.QueryBuilder {
  const { knex, shape } = parts;
  return knex
    .select(as(sessionColumn(name)))
    .from(tableReference(knex, shape.session, SESSION))
    .where(selectionCondition({ ...parts, table: shape.session }, selection));
}

async function countOf(query: Knex.QueryBuilder): Promise<number> {
  const rows = await query.count<{ found: Value }[]>({ found: '*' });
  return Number(rows[0]?.found ?? 0);
}
