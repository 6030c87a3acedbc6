import type { Knex } from 'knex';
import { everySession, type Selection } from '../../sessions/selection.ts';
import type { Survey } from '../../sessions/session-store.ts';
import { foreignCondition, isPossibleKey, selectionCondition, SESSION, sessionColumn } from './conditions.ts';
import type { DatabaseStoreParts } from './database-store.ts';
import type { Dialect, Value } from './dialects/dialect.ts';
import type { ApiKeyTable, TokenTable } from './shape.ts';
import { tableReference } from './table-reference.ts';
import { unreadableTime } from './unreadable-time.ts';

/** The alias of another plugin's table beside the sessions. */
export const OTHER = 'o';

/**
 * Counts what a selection holds and what hangs on it.
 * @throws SchemaError when a row holds a time that cannot be compared with the selection's
 */
export async function surveySelection(parts: DatabaseStoreParts, selection: Selection): Promise<Survey> {
  await refuseForeignTimes(parts, selection);
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
      shape.apiKeys === null ? null : isEmpty ? 0 : await countApiKeys(parts, shape.apiKeys, selection),
    // Counted even so: who has no session left may have opened some as others.
    impersonations: await countImpersonations(parts, selection),
  };
}

/**
 * A value in another encoding would compare as anything: whether its session is meant cannot be known.
 * @throws SchemaError where the selection compares one
 */
export async function refuseForeignTimes(parts: DatabaseStoreParts, selection: Selection): Promise<void> {
  const { knex, shape, target, now } = parts;
  const { session: table } = shape;
  const conditions = { ...parts, table };
  const foreign = foreignCondition(conditions, selection);
  if (foreign === null) return;
  const columns = [table.createdAt, table.updatedAt, table.expiresAt];
  const [row] = (await knex
    .select({ id: sessionColumn(table.id.name) }, ...columns.map(({ name }) => sessionColumn(name)))
    .from(tableReference(knex, table, SESSION))
    .where(selectionCondition({ ...conditions, now }, comparedBy(selection), 'shown'))
    .where(foreign)
    .limit(1)) as Readonly<Record<string, unknown>>[];
  if (row === undefined) return;
  for (const column of columns) {
    const value = row[column.name];
    try {
      if (value !== null) column.encoding.decode(value);
    } catch (error) {
      throw unreadableTime(target, String(row['id']), column, value, error);
    }
  }
}

/** Whose times the selection compares: who ranks sessions compares all those of their users. */
function comparedBy(selection: Selection): Selection {
  const { keepNewest, userIds, exceptUserIds } = selection;
  return keepNewest === null ? selection : { ...everySession, userIds, exceptUserIds };
}

async function countSessions(parts: DatabaseStoreParts, selection: Selection) {
  const { knex, dialect, shape, now } = parts;
  const { session: table } = shape;
  const { createdAt, expiresAt } = table;
  const readable = createdAt.encoding.foreign;
  const created = sessionColumn(createdAt.name);
  const places =
    readable === null ? [] : Array.from({ length: readable.split('??').length - 1 }, () => created);
  const newest =
    readable === null
      ? knex.raw('max(??)', [created])
      : knex.raw(`max(CASE WHEN ${readable} THEN NULL ELSE ?? END)`, [...places, created]);
  // In one go through the rows: by groups, MySQL would fetch each of them through the index on users.
  const totals = knex
    .select(
      knex.raw('count(*)'),
      knex.raw('count(DISTINCT ??)', [sessionColumn(table.userId.name)]),
      knex.raw('sum(CASE WHEN ?? >= ? THEN 1 ELSE 0 END)', [
        sessionColumn(expiresAt.name),
        expiresAt.encoding.encode(now),
      ]),
      newest,
    )
    .from(tableReference(knex, table, SESSION))
    .where(selectionCondition({ ...parts, table }, selection, 'spared'));
  const [sessions, users, active, latest] = await onlyRow(dialect, knex, totals);
  return {
    sessions: Number(sessions ?? 0),
    users: Number(users ?? 0),
    active: Number(active ?? 0),
    newest: latest === null || latest === undefined ? null : createdAt.encoding.decode(latest),
  };
}

/** Streamed, since that is how times come as the text that the server wrote. */
async function onlyRow(dialect: Dialect, knex: Knex, query: Knex.QueryBuilder): Promise<readonly Value[]> {
  const native = { ...query.toSQL().toNative(), limited: true };
  for await (const [row] of dialect.stream(knex, native)) if (row !== undefined) return row;
  return [];
}

/** Tokens that live and are bound to the sessions. */
async function countTokens(parts: DatabaseStoreParts, selection: Selection) {
  const { knex, shape } = parts;
  let bound = 0;
  let offline = 0;
  for (const tokens of shape.tokens) {
    const live = knex
      .from(tableReference(knex, tokens, OTHER))
      .whereNull(`${OTHER}.${tokens.revoked}`)
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

async function countApiKeys(
  parts: DatabaseStoreParts,
  apiKeys: ApiKeyTable,
  selection: Selection,
): Promise<number> {
  const { knex, dialect, shape } = parts;
  const users = selectedColumn(parts, selection, shape.session.userId.name, (column) =>
    dialect.asText(knex, column),
  );
  const owner = dialect.asText(knex, `${OTHER}.${apiKeys.owner}`);
  return countOf(knex.from(tableReference(knex, apiKeys, OTHER)).where(knex.raw('? IN (?)', [owner, users])));
}

/** Sessions of others that the selected users opened as administrators and that the selection leaves alone. */
async function countImpersonations(parts: DatabaseStoreParts, selection: Selection): Promise<number | null> {
  const { knex, dialect, shape, now } = parts;
  const { session: table } = shape;
  if (table.impersonatedBy === null || selection.userIds.length === 0) return null;
  // Who has too many sessions is no suspect.
  if (selection.keepNewest !== null) return null;
  const column = sessionColumn(table.impersonatedBy.name);
  const { impersonatedBy } = table;
  const ids = selection.userIds.filter((id) => isPossibleKey(impersonatedBy, id));
  if (ids.length === 0) return 0;
  return countOf(
    knex
      .from(tableReference(knex, table, SESSION))
      .where(dialect.keyIn(knex, column, impersonatedBy, ids))
      .where(sessionColumn(table.expiresAt.name), '>=', table.expiresAt.encoding.encode(now))
      .whereRaw('NOT COALESCE(?, FALSE)', [selectionCondition({ ...parts, table }, selection, 'spared')]),
  );
}

/**
 * Whether a refresh token has the scope `offline_access`, which lets it outlive its session: Better Auth revokes all
 * others (`prepareBackchannelLogoutPlan` of @better-auth/oauth-provider). Adapters write the scopes as JSON, as JSON in
 * a string of JSON (Drizzle), as an array of PostgreSQL, or with spaces between.
 */
export function isOffline(
  { knex, dialect }: Pick<DatabaseStoreParts, 'knex' | 'dialect'>,
  tokens: TokenTable,
): Knex.Raw {
  if (tokens.scopes === null) return knex.raw('1 = 0');
  const spaced = ['[', ']', '{', '}', '"', ',', '\\'].reduce(
    (text, mark) => knex.raw(`REPLACE(?, ?, ' ')`, [text, mark]),
    dialect.asText(knex, `${OTHER}.${tokens.scopes}`),
  );
  const like = (pattern: string) => knex.raw(`? LIKE '${pattern}' ESCAPE '!'`, [spaced]);
  const alone = ['offline!_access', 'offline!_access %', '% offline!_access', '% offline!_access %'].map(
    like,
  );
  return knex.raw('COALESCE(? OR ? OR ? OR ?, FALSE)', alone);
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
    .where(selectionCondition({ ...parts, table: shape.session }, selection, 'spared'));
}

async function countOf(query: Knex.QueryBuilder): Promise<number> {
  const rows = await query.count<{ found: Value }[]>({ found: '*' });
  return Number(rows[0]?.found ?? 0);
}
