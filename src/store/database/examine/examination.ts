import { presentConnection } from '../dialects/connection.ts';
import { transportOf } from '../connect/transport.ts';
import type { Knex } from 'knex';
import type {
  DatabaseExamination,
  ExaminedIndex,
  SampledSession,
  SessionSample,
  TableExamination,
  TouchedColumn,
} from '../../../sessions/examination.ts';
import { wholeSecond } from '../../../sessions/instant.ts';
import { everySession } from '../../../sessions/selection.ts';
import { waysBack } from '../../../sessions/ways-back.ts';
import type { SessionTime } from '../../../sessions/session.ts';
import { tableLabel } from '../schema/catalog.ts';
import { SESSION, sessionColumn } from '../query/conditions.ts';
import type { DatabaseConnection } from '../connect/connect.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { Value } from '../dialects/dialect.ts';
import type { NamedTable } from '../dialects/examination-dialect.ts';
import { missingRights, missingRightsToInclude, type ChangedDatabase } from '../end/missing-rights.ts';
import { findObstacles } from '../end/obstacles.ts';
import type { Shape } from '../schema/shape.ts';
import { readTimes } from '../query/read-time.ts';
import { createSweeping } from '../end/sweeping.ts';
import { tableReference } from '../query/table-reference.ts';
import { isUnreadable } from '../schema/unreadable-time.ts';
import { existingUserIds, USER } from '../query/users.ts';
import { dialects } from '../dialects/dialects.ts';

export interface ExaminedDatabase extends ChangedDatabase, Pick<DatabaseConnection, 'guard' | 'persist'> {
  readonly server: string;
  readonly table: TableExamination | null;
}

/** The checks of a database. They change nothing, not even through triggers: only SELECT statements run. */
export function createDatabaseExamination(parts: ExaminedDatabase): DatabaseExamination {
  const { knex, dialect, target, shape, server, table, guard, persist } = parts;
  const { user } = shape;
  const special = () => dialects[target.dialect].examination();
  return {
    target,
    server,
    userTable: user === null ? null : tableLabel(user),
    table,
    readClock: () => persist(() => dialect.readClock(knex)),
    findTransport: () =>
      guard(async () => {
        const { socketOf } = await special();
        return socketOf === null ? null : transportOf(socketOf(await presentConnection(knex)));
      }),
    findReadOnly: () => guard(async () => (await special()).findReadOnly(knex)),

    missingRights: (preserve) => guard(() => missingRights(parts, preserve)),
    missingRightsToInclude: () => guard(() => missingRightsToInclude(parts, new Set(waysBack))),

    countUsers: (most) =>
      user === null
        ? Promise.resolve(null)
        : guard(async () => {
            const some: readonly unknown[] = await knex
              .select(`${USER}.${user.id.name}`)
              .from(tableReference(knex, user, USER))
              .limit(most);
            return some.length;
          }),

    existingUserIds: user === null ? null : (ids) => guard(() => existingUserIds(knex, dialect, user, ids)),
  };
}

/** Columns that a session can do without. */
const OPTIONAL_FIELDS = ['ipAddress', 'userAgent'] as const;
/** Labels of the encodings that `wallClock` makes. */
const ZONELESS: readonly string[] = ['timestamp without time zone', 'timestamp', 'datetime'];
/** Random positions at which parts of a large table are read. */
const PLACES = 4;

export function createTableExamination(
  parts: DatabaseStoreParts,
  summary: { readonly timeEncoding: string; readonly zoneKnown: boolean },
): TableExamination {
  const { knex, dialect, shape, target, guard } = parts;
  const { session: table } = shape;
  const special = () => dialects[target.dialect].examination();
  const times = [table.expiresAt, table.createdAt, table.updatedAt];
  const { countWithin } = createSweeping(parts);
  return {
    name: tableLabel(table),
    userTable: shape.user === null ? null : tableLabel(shape.user),
    usersWithoutId: shape.usersWithoutId,
    timeEncoding: summary.timeEncoding,
    isZoneless: times.some(({ encoding }) => ZONELESS.includes(encoding.label)),
    zoneKnown: summary.zoneKnown,
    hidesRows: table.hidesRows,
    obstacles: (preserve) => guard(() => findObstacles(parts, preserve)),
    absent: OPTIONAL_FIELDS.filter((field) => table[field] === null),
    rows: () => guard(() => dialect.tableRows(knex, table)),
    seeAllRows: () => guard(async () => (await special()).seeAllRows(knex)),
    deleteOrphans: deletionOfOrphans(parts),
    fixTimes: (field) => fixedTimes(parts, field),
    sample: (most) => guard(() => sampleSessions(parts, most)),
    indexes: () => guard(() => readIndexes(parts)),
    countAll: (milliseconds) => countWithin(everySession, milliseconds),
    countExpired: (at, milliseconds) => countWithin({ ...everySession, surelyExpiredAt: at }, milliseconds),

    touched: () =>
      guard(async () => {
        const own = await special();
        return Promise.all(
          table.touched.map(async (name): Promise<TouchedColumn> => {
            const field = (['expiresAt', 'createdAt', 'updatedAt'] as const).find(
              (each) => table[each].name === name,
            );
            return { field: field ?? null, name, remedy: await own.keepColumn(knex, table, name) };
          }),
        );
      }),
  };
}

async function readIndexes({ knex, shape, target }: DatabaseStoreParts): Promise<readonly ExaminedIndex[]> {
  const { session: table } = shape;
  const schema = await dialects[target.dialect].schema();
  const wanted = [
    ['token', table.token],
    ['userId', table.userId.name],
    ['expiresAt', table.expiresAt.name],
  ] as const;
  const found: ExaminedIndex[] = [];
  for (const [field, column] of wanted) {
    const indexed = { schema: table.schema, table: table.name, column };
    const { indexes } = await schema.indexesOn(knex, indexed);
    const { sql } = schema.createIndex(indexed, `${table.name}_${column}_idx`);
    found.push({
      field,
      column: `${tableLabel(table)}.${column}`,
      name: indexes.find(({ usable }) => usable)?.name ?? null,
      // The same indexes as in Better Auth's own migrations.
      remedy: `${field === 'token' ? sql.replace('CREATE INDEX', 'CREATE UNIQUE INDEX') : sql};`,
    });
  }
  return found;
}

async function sampleSessions(parts: DatabaseStoreParts, most: number): Promise<SessionSample> {
  const { knex, dialect, shape } = parts;
  const first = await readSessions(parts, null, most + 1);
  if (first.length <= most) return { ...judgedTimes(first, shape), isWhole: true };
  const walk = await dialect.walk(knex, shape.session, SESSION);
  const rows = new Map<string, Row>();
  const share = Math.ceil(most / PLACES);
  for (let place = 0; place < PLACES; place += 1) {
    const piece = await walk.piece(await walk.somewhere(), share, null);
    for (const row of await readSessions(parts, piece.condition, share)) rows.set(String(row[0]), row);
  }
  // A walk that began near the end of the table, or overlapped with another one, finds few rows.
  for (const row of first) if (rows.size < most) rows.set(String(row[0]), row);
  return { ...judgedTimes([...rows.values()], shape), isWhole: false };
}

type Row = readonly Value[];

/** Reads no tokens. */
async function readSessions(
  { knex, dialect, shape: { session: table } }: DatabaseStoreParts,
  condition: Knex.Raw | null,
  limit: number,
): Promise<readonly Row[]> {
  const nothing = knex.raw('NULL');
  const column = (name: string | null) => (name === null ? nothing : knex.ref(sessionColumn(name)));
  const columns = [
    table.id.name,
    table.userId.name,
    table.createdAt.name,
    table.updatedAt.name,
    table.expiresAt.name,
    table.ipAddress,
    table.impersonatedBy?.name ?? null,
  ].map(column);
  const query = knex
    .select(columns)
    .from(tableReference(knex, table, SESSION))
    .where(condition ?? knex.raw('1 = 1'))
    .limit(limit);
  const rows: Row[] = [];
  // Streamed, so that times arrive as the text that the server wrote.
  for await (const chunk of dialect.stream(knex, { ...query.toSQL().toNative(), limited: true }))
    rows.push(...chunk);
  return rows;
}

function judgedTimes(rows: readonly Row[], { session: table }: Shape): Omit<SessionSample, 'isWhole'> {
  const unreadable: SessionSample['unreadable'][number][] = [];
  const text = (value: Value | undefined) => (value === null || value === undefined ? null : String(value));
  const sessions = rows.map(
    ([rowId, userId, created, updated, expires, ip, impersonatedBy]): SampledSession => {
      const id = String(rowId);
      const { createdAt, updatedAt, expiresAt, unreadableTimes } = readTimes(
        { createdAt: created, updatedAt: updated, expiresAt: expires },
        table,
      );
      if (unreadableTimes.length > 0) unreadable.push({ id, fields: unreadableTimes });
      return {
        id,
        userId: text(userId),
        createdAt: createdAt.at,
        updatedAt: updatedAt.at,
        expiresAt: expiresAt.at,
        ipAddress: text(ip),
        isImpersonation: text(impersonatedBy) !== null,
      };
    },
  );
  return { sessions, unreadable };
}

/** An unreadable time becomes the moment that its text means, or now: a session that expires now has ended. */
function fixedTimes(
  { knex, shape: { session: table }, now }: DatabaseStoreParts,
  field: SessionTime,
): string {
  const { name, encoding } = table[field];
  const condition = isUnreadable(knex, encoding, name);
  const present = knex.raw('?', [encoding.encode(wholeSecond(now))]);
  const value =
    encoding.fromText === null
      ? present
      : knex.raw(`COALESCE(CASE WHEN typeof(??) = 'text' THEN ${encoding.fromText} END, ?)`, [
          name,
          name,
          present,
        ]);
  const look = knex.raw('SELECT ??, ?? FROM ? WHERE ?', [
    table.id.name,
    name,
    tableName(knex, table),
    condition,
  ]);
  const change = knex.raw('UPDATE ? SET ?? = ? WHERE ?', [tableName(knex, table), name, value, condition]);
  return `${look.toQuery()};\n${change.toQuery()};`;
}

function tableName(knex: Knex, { schema, name }: NamedTable): Knex.Raw {
  return schema === null ? knex.raw('??', [name]) : knex.raw('??.??', [schema, name]);
}

/** Sessions whose user is deleted or absent. Keys of different kinds are compared as text. */
function deletionOfOrphans({ knex, dialect, shape: { session, user } }: DatabaseStoreParts): string | null {
  if (user === null) return null;
  const named = (table: NamedTable) => tableName(knex, table);
  const key = (column: string, kind: string, other: string) =>
    kind === other ? knex.raw('??', [column]) : dialect.asText(knex, column);
  const own = key(session.userId.name, session.userId.kind, user.id.kind);
  const theirs = key(`${USER}.${user.id.name}`, user.id.kind, session.userId.kind);
  const condition = knex.raw('?? IS NULL OR ? NOT IN (SELECT ? FROM ?)', [
    session.userId.name,
    own,
    theirs,
    tableReference(knex, user, USER),
  ]);
  const look = knex.raw('SELECT COUNT(*) FROM ? WHERE ?', [named(session), condition]).toQuery();
  const removal = knex.raw('DELETE FROM ? WHERE ?', [named(session), condition]).toQuery();
  return `${look};\n${removal};`;
}
