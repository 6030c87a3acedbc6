import type { Knex } from 'knex';
import type { Instant } from '../../../sessions/instant.ts';
import type { SessionStore } from '../../../sessions/session-store.ts';
import type { Verifications } from '../../../sessions/sweeping-store.ts';
import type { SweepWay } from '../../../sessions/ending-store.ts';
import { inBatchesFromAnywhere } from './batches.ts';
import { tableLabel } from '../schema/catalog.ts';
import { SESSION, allOf, selectionCondition, sessionColumn, surelyBefore } from '../query/conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { Piece, Position, TableWalk, Value, WalkedTable } from '../dialects/dialect.ts';
import { rehearseRight } from './rehearse-right.ts';
import type { TimeColumn, VerificationTable } from '../schema/shape.ts';
import { tableReference } from '../query/table-reference.ts';
import { dialects } from '../dialects/dialects.ts';

/** Maximum rows that one batch of a walk reads. */
export const MOST_WALKED = 50_000;
/** Maximum ids in a statement that every database accepts. */
export const MOST_IDS = 5000;

/** The fastest way to find expired rows, by the statistics of the database. */
async function chooseSweepWay(parts: DatabaseStoreParts, expiredAt: Instant): Promise<SweepWay> {
  const { knex, dialect, shape, target } = parts;
  const { session: table } = shape;
  const { indexes } = await (
    await dialects[target.dialect].schema()
  ).indexesOn(knex, { schema: table.schema, table: table.name, column: table.expiresAt.name });
  if (!indexes.some(({ usable }) => usable)) return 'walk';
  const fewest = Math.ceil((await dialect.tableRows(knex, table)) * dialect.indexPaysBelow);
  const expired = await dialect.estimateRows(
    knex,
    knex
      .select(knex.raw('1'))
      .from(tableReference(knex, table, SESSION))
      .where(surelyBefore(knex, table.expiresAt, sessionColumn(table.expiresAt.name), expiredAt)),
    fewest,
  );
  return expired < fewest ? 'index' : 'walk';
}

/** A walk through the rows of the session table that may have expired. */
export async function sessionsBy(
  parts: DatabaseStoreParts,
  way: SweepWay,
  condition: Knex.Raw,
): Promise<TableWalk> {
  const { knex, dialect, shape, persist } = parts;
  if (way === 'walk') return persist(() => dialect.walk(knex, shape.session, SESSION));
  return expiryWalk(parts, shape.session, shape.session.expiresAt, condition);
}

/**
 * Walks along an index on the expiry. A piece ends at its last row, so that the next piece skips leftovers of earlier
 * ones: entries that a deletion has left, and rows that a trigger keeps.
 */
function expiryWalk(
  { knex, dialect }: DatabaseStoreParts,
  table: WalkedTable,
  expiresAt: TimeColumn,
  condition: Knex.Raw,
): TableWalk {
  const id = sessionColumn(table.id.name);
  const expiry = sessionColumn(expiresAt.name);
  return {
    async piece(from, rows, until) {
      const behind = from === null ? knex.raw('1 = 1') : behindRow(String(from));
      const before = until === null ? knex.raw('1 = 1') : upToRow(String(until));
      const found = (await knex
        .select({ id, expiry: dialect.exactly(knex, expiry) })
        .from(tableReference(knex, table, SESSION))
        .where(behind)
        .where(before)
        .where(condition)
        .orderBy([{ column: expiry }, { column: id }])
        .limit(rows)) as { readonly id: Value; readonly expiry: Value }[];
      const last = found.at(-1);
      if (last === undefined) return { condition: knex.raw('1 = 0'), most: 0, next: null };
      const ids = found.map((row) => String(row.id));
      return {
        condition: dialect.keyIn(knex, id, table.id, ids),
        most: ids.length,
        next: found.length < rows ? null : JSON.stringify([last.expiry, last.id]),
      };
    },
    // The longest-expired rows come first: starting there leaves the fewest.
    somewhere: () => Promise.resolve(null),
  };

  type Place = readonly [expiry: string | number, id: string | number];

  function upToRow(position: string): Knex.Raw {
    const [lastExpiry, lastId] = JSON.parse(position) as Place;
    return knex.raw('(?? <= ? AND (?? < ? OR ?? <= ?))', [
      expiry,
      lastExpiry,
      expiry,
      lastExpiry,
      id,
      lastId,
    ]);
  }

  function behindRow(position: string): Knex.Raw {
    const [lastExpiry, lastId] = JSON.parse(position) as Place;
    return knex.raw('(?? >= ? AND (?? > ? OR ?? > ?))', [expiry, lastExpiry, expiry, lastExpiry, id, lastId]);
  }
}

/**
 * Counts the rows that meet a condition, piece by piece, so that it can stop in time and no statement takes long.
 * @param milliseconds that it may take, about
 * @returns null where that was not enough
 */
async function countWithin(
  { knex, dialect }: DatabaseStoreParts,
  table: WalkedTable,
  condition: Knex.Raw,
  milliseconds: number,
): Promise<number | null> {
  const begun = performance.now();
  const walk = await dialect.walk(knex, table, SESSION);
  let counted = 0;
  for (let from: Position | null = null; ;) {
    const piece: Piece = await walk.piece(from, MOST_WALKED, null);
    const [row] = await knex
      .from(tableReference(knex, table, SESSION))
      .where(allOf(knex, [piece.condition, condition]))
      .count<{ found: Value }[]>({ found: '*' });
    counted += Number(row?.found ?? 0);
    if (piece.next === null) return counted;
    if (performance.now() - begun > milliseconds) return null;
    from = piece.next;
  }
}

/** Expired rows of Better Auth's `verification` table. */
export function createVerifications(parts: DatabaseStoreParts): Verifications | null {
  const { knex, dialect, shape, guard, settle, persist } = parts;
  const { verifications: table } = shape;
  if (table === null) return null;
  const reference = tableReference(knex, table, SESSION);
  const expired = async (expiredAt: Instant) => {
    const encoding = await encodingOf(parts, table);
    return { is: () => surelyBefore(knex, { encoding }, sessionColumn(table.expiresAt.name), expiredAt) };
  };
  const remove = async (on: Knex, condition: Knex.Raw) =>
    dialect.affectedRows(await on.raw('? WHERE ?', [dialect.deleteFrom(on, reference, SESSION), condition]));

  return {
    table: tableLabel(table),

    async *sweep(expiredAt, { atMost, remark, pace }) {
      const walk = await persist(() => dialect.walk(knex, table, SESSION));
      const { is } = await persist(() => expired(expiredAt));
      yield* inBatchesFromAnywhere(parts, walk, {
        mostRows: MOST_WALKED,
        condition: is(),
        table,
        run: async (on, condition) => ({ sessions: await remove(on, condition), oauthTokens: 0 }),
        isSingle: true,
        atMost,
        pace,
        remark,
      });
    },

    count: (expiredAt) =>
      persist(async () => {
        const { is } = await expired(expiredAt);
        const rows = await knex.from(reference).where(is()).count<{ found: Value }[]>({ found: '*' });
        return Number(rows[0]?.found ?? 0);
      }),

    countWithin: (expiredAt, milliseconds) =>
      settle(async () => countWithin(parts, table, (await expired(expiredAt)).is(), milliseconds)),

    rehearse: () =>
      guard(() =>
        persist(() =>
          dialect.single(knex, (on) =>
            rehearseRight(parts, `DELETE on ${tableLabel(table)}`, () => remove(on, knex.raw('1 = 0'))),
          ),
        ),
      ),
  };
}

async function encodingOf(
  { knex, dialect, timeZone }: DatabaseStoreParts,
  { catalog, expiresAt }: VerificationTable,
): Promise<TimeColumn['encoding']> {
  const [encoding] = await dialect.timeEncodings(knex, catalog, [expiresAt], timeZone);
  if (encoding === undefined) throw new Error(`no encoding for ${expiresAt.name}`);
  return encoding;
}

type Sweeping = Pick<SessionStore, 'chooseSweepWay' | 'countWithin' | 'verifications'>;

export function createSweeping(parts: DatabaseStoreParts): Sweeping {
  const { shape, settle, persist } = parts;
  const { session: table } = shape;
  return {
    chooseSweepWay: (expiredAt) => persist(() => chooseSweepWay(parts, expiredAt)),
    countWithin: (selection, milliseconds) =>
      settle(() =>
        countWithin(parts, table, selectionCondition({ ...parts, table }, selection), milliseconds),
      ),
    verifications: createVerifications(parts),
  };
}
