import type { DatabaseStoreParts } from './parts.ts';
import type { Knex } from 'knex';
import { activityOf } from '../../sessions/activity.ts';
import type { Instant } from '../../sessions/instant.ts';
import { dependsOnTimes, type Selection } from '../../sessions/selection.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import type { ListOptions } from '../../sessions/reading-store.ts';
import type { Session } from '../../sessions/session.ts';
import {
  SESSION,
  isPossibleKey,
  selectionCondition,
  sessionColumn,
  type UnreadableTimes,
} from './query/conditions.ts';
import type { Value } from './dialects/dialect.ts';
import { readTimes, type ReadTime } from './query/read-time.ts';
import type { Shape } from './schema/shape.ts';
import { createEnding } from './end/ending.ts';
import { createSweeping } from './end/sweeping.ts';
import { inOrderOf, sortColumn } from './query/session-order.ts';
import { surveySelection } from './end/survey.ts';
import { tableReference } from './query/table-reference.ts';
import { LOOKED_UP_AT_ONCE, USER, findUsers } from './query/users.ts';
import { createWaysBack } from './end/ways-back/ways-back.ts';

/** Sessions in Better Auth's own tables. */
export function createDatabaseStore(parts: DatabaseStoreParts): SessionStore {
  const { knex, dialect, shape, target, now, expiresIn, cautions, signal, guard, settle, persist } = parts;
  const { session: table } = shape;
  const sessionTable = tableReference(knex, table, SESSION);
  const conditionParts = { knex, dialect, table, now };

  const selected = (selection: Selection, at = now, unreadableTimes?: UnreadableTimes) =>
    knex
      .from(sessionTable)
      .where(selectionCondition({ ...conditionParts, now: at }, selection, unreadableTimes));
  const countOf = async (query: Knex.QueryBuilder) => {
    const rows = await query.count<{ sessions: Value }[]>({ sessions: '*' });
    return Number(rows[0]?.sessions ?? 0);
  };
  /** One query counts the rows that match, and those that may match besides. */
  const countBoth = async (selection: Selection, at: Instant) => {
    if (!dependsOnTimes(selection))
      return { sessions: await countOf(selected(selection, at)), unreadableTimes: 0 };
    const isMeant = selectionCondition({ ...conditionParts, now: at }, selection);
    const rows: readonly { readonly all: Value; readonly meant: Value }[] = await selected(
      selection,
      at,
      'include',
    ).select({
      all: knex.raw('count(*)'),
      meant: knex.raw('sum(CASE WHEN ? THEN 1 ELSE 0 END)', [isMeant]),
    });
    const [row] = rows;
    const sessions = Number(row?.meant ?? 0);
    return { sessions, unreadableTimes: Number(row?.all ?? 0) - sessions };
  };
  const idsOf = async (query: Knex.QueryBuilder) => {
    const rows: readonly { readonly id: Value }[] = await query.select({ id: sessionColumn(table.id.name) });
    return rows.map((row) => String(row.id));
  };

  return {
    target,
    now,
    expiresIn,
    cautions,
    zoneKnown: [table.expiresAt, table.createdAt, table.updatedAt].every(
      ({ encoding }) => encoding.zoneKnown,
    ),
    hidesRows: table.hidesRows,
    findObstacles: (preserve) =>
      guard(async () => (await import('./end/obstacles.ts')).findObstacles(parts, preserve)),
    findRefusal: async (preserve, included) =>
      (await import('./end/obstacles.ts')).findRefusal(parts, preserve, included),
    bindsTokens: shape.tokens.length > 0,
    handsOutJwts: shape.handsOutJwts,
    // A deleted row is gone at once.
    settle: 0,
    secondary: null,
    unreadable: () => 0,
    findMismatch: () => Promise.resolve(null),
    markUsers: () => Promise.resolve(0),
    heedsMarks: null,
    absent: (['ipAddress', 'userAgent', 'impersonatedBy'] as const).filter((field) => table[field] === null),
    requireColumns: (selection, sort) => {
      void selectionCondition(conditionParts, selection);
      if (sort !== null) sortColumn(shape, sort);
    },
    waysBack: createWaysBack({ ...parts, sessions: shape.session }),
    ...createEnding(parts),
    ...createSweeping(parts),

    readClock: () => persist(() => dialect.readClock(knex)),
    survey: (selection, namedUsers = []) => guard(() => surveySelection(parts, selection, namedUsers)),

    lookAgain: (selection, limit, patience = 'patient') =>
      (patience === 'patient' ? persist : settle)(async () => {
        // With keepNewest, the sessions that stay depend on which are active now. The sessions were ended by the
        // current clock too.
        const at = selection.keepNewest === null ? now : await dialect.readClock(knex);
        const { sessions, unreadableTimes } = await countBoth(selection, at);
        const ids = sessions === 0 || limit === 0 ? [] : await idsOf(selected(selection, at).limit(limit));
        return { sessions, unreadableTimes, ids, secondary: 0, shutOut: 0 };
      }),

    pick: (selection, limit) => guard(() => idsOf(selected(selection).limit(limit))),

    existingSessionIds: (ids) =>
      guard(async () => {
        const found = new Set<string>();
        const possible = ids.filter((id) => isPossibleKey(table.id, id));
        for (let from = 0; from < possible.length; from += LOOKED_UP_AT_ONCE) {
          const some = possible.slice(from, from + LOOKED_UP_AT_ONCE);
          const isOne = dialect.keyIn(knex, sessionColumn(table.id.name), table.id, some);
          for (const id of await idsOf(knex.from(sessionTable).where(isOne))) found.add(id);
        }
        return found;
      }),

    findSessionIdsByToken: (tokens) =>
      guard(async () => {
        const found = new Map<string, string>();
        const key = { name: table.token, kind: 'text' } as const;
        const possible = [...new Set(tokens)].filter((token) => isPossibleKey(key, token));
        for (let from = 0; from < possible.length; from += LOOKED_UP_AT_ONCE) {
          const some = possible.slice(from, from + LOOKED_UP_AT_ONCE);
          const rows = (await knex
            .select({ id: sessionColumn(table.id.name), token: sessionColumn(table.token) })
            .from(sessionTable)
            .where(dialect.keyIn(knex, sessionColumn(table.token), key, some))) as {
            id: Value;
            token: string;
          }[];
          for (const { id, token } of rows) found.set(token, String(id));
        }
        return tokens.map((token) => found.get(token) ?? null);
      }),

    findUsers: (who) => guard(() => findUsers(knex, dialect, shape, who)),

    findSessionIds: (id, limit) =>
      guard(async () => {
        const column = sessionColumn(table.id.name);
        const ids = (condition: Knex.Raw) => idsOf(knex.from(sessionTable).where(condition).limit(limit));
        const exact = isPossibleKey(table.id, id)
          ? await ids(dialect.keyIn(knex, column, table.id, [id]))
          : [];
        // A numeric id that begins with another number is unrelated to it.
        if (exact.length > 0 || table.id.kind === 'integer' || id.includes('\0')) return exact;
        return ids(dialect.keyBeginsWith(knex, column, table.id.kind === 'uuid' ? id.toLowerCase() : id));
      }),

    count: (selection) => guard(() => countOf(selected(selection))),

    async *list(selection, options) {
      const query = listQuery(parts, selected(selection), options);
      const native = { ...query.toSQL().toNative(), limited: options.limit !== undefined };
      const chunks = dialect.stream(knex, native)[Symbol.asyncIterator]();
      try {
        for (;;) {
          signal.throwIfAborted();
          const next = await guard(() => chunks.next());
          if (next.done === true) return;
          yield next.value.map((row) => toSession(row, parts));
        }
      } finally {
        // After the signal, the rest of the query is not waited for.
        if (!signal.aborted) await chunks.return?.();
      }
    },
  };
}

/** Characters. No server of an application accepts as many from a client. */
const LONGEST_READ = 65_536;

/** The columns of a row in the order that `toSession` reads. */
function listQuery(
  parts: DatabaseStoreParts,
  query: Knex.QueryBuilder,
  options: ListOptions,
): Knex.QueryBuilder {
  const { knex, dialect, shape } = parts;
  const { session: table, user } = shape;
  const nothing = knex.raw('NULL');
  const own = (name: string | null) => (name === null ? nothing : knex.ref(sessionColumn(name)));
  /** A page of rows stays in memory, and each of them may hold texts of any length. */
  const text = (table: string, name: string | null | undefined) =>
    name === null || name === undefined ? nothing : dialect.beginning(knex, `${table}.${name}`, LONGEST_READ);
  const columns = [
    own(table.id.name),
    own(table.userId.name),
    text(USER, user?.email),
    text(USER, user?.displayName),
    own(table.createdAt.name),
    own(table.updatedAt.name),
    own(table.expiresAt.name),
    own(table.ipAddress),
    text(SESSION, table.userAgent),
    own(table.impersonatedBy?.name ?? null),
    own(table.activeOrganizationId),
    dialect.fingerprint(knex, sessionColumn(table.token)),
  ];
  let list: Knex.QueryBuilder = query.select(columns);
  if (user !== null) {
    list = list.joinRaw('LEFT JOIN ? ON ?', [
      tableReference(knex, user, USER),
      sameUser(knex, shape, user.id.name, user.id.kind),
    ]);
  }
  if (options.sort !== null) list = inOrderOf(parts, list, options.sort);
  return options.limit === undefined ? list : list.limit(options.limit);
}

/** Keys of one kind are compared directly, through the index; keys of different kinds as text. */
function sameUser(knex: Knex, shape: Shape, userId: string, kind: string): Knex.Raw {
  const columns = [`${USER}.${userId}`, sessionColumn(shape.session.userId.name)];
  return kind === shape.session.userId.kind
    ? knex.raw('?? = ??', columns)
    : knex.raw('CAST(?? AS CHAR(255)) = CAST(?? AS CHAR(255))', columns);
}

function toSession(
  row: readonly Value[],
  { dialect, shape: { session: table }, now, expiresIn }: DatabaseStoreParts,
): Session {
  const [
    id,
    userId,
    email,
    name,
    created,
    updated,
    expires,
    ip,
    agent,
    impersonatedBy,
    organization,
    fingerprint,
  ] = row;
  const { unreadableTimes, ...times } = readTimes(
    { createdAt: created, updatedAt: updated, expiresAt: expires },
    table,
  );
  return {
    id: String(id),
    userId: text(userId),
    userEmail: text(email),
    userName: text(name),
    // The same rule as `isActive` in SQL.
    state: lives(times.expiresAt, now) ? 'active' : 'expired',
    createdAt: times.createdAt.at,
    updatedAt: times.updatedAt.at,
    expiresAt: times.expiresAt.at,
    lastActiveAt: activityOf({ updatedAt: times.updatedAt.at, expiresAt: times.expiresAt.at }, expiresIn),
    ...(unreadableTimes.length === 0 ? {} : { unreadableTimes }),
    ipAddress: text(ip),
    userAgent: text(agent),
    impersonatedBy: text(impersonatedBy),
    activeOrganizationId: text(organization),
    store: 'database',
    tokenFingerprint: dialect.readFingerprint(String(fingerprint)),
  };
}

function lives({ at, error }: ReadTime, now: Instant): boolean {
  return at === null ? error !== null && !error.isPast : at >= now;
}

function text(value: Value | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}
