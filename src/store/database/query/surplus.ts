import type { Knex } from 'knex';
import { millisecondsOf, toInstant, type Instant } from '../../../sessions/instant.ts';
import type { Selection } from '../../../sessions/selection.ts';
import type { ConditionParts } from '../parts.ts';
import { tableReference } from './table-reference.ts';
import type { TimeEncoding } from '../schema/time-encoding.ts';
import { isUnreadable } from '../schema/unreadable-time.ts';

/** The alias of the ranked sessions, and that of the sessions whose users are ranked. */
const RANKED = 'n';
const COUNTED = 'c';
/** The alias of the ranking. */
const RANKING = 'r';

export type Surplus = Pick<Selection, 'presentAt' | 'userIds'> & { readonly keepNewest: number };

/** The sessions whose users are ranked: a reference to the table, and a condition under its alias. */
export interface RankedUsers {
  readonly table: Knex.Raw;
  readonly userId: string;
  readonly condition: Knex.Raw;
}

/**
 * Whether a session is beyond the newest active ones of its user, by a window function over one state of the table. So
 * a statement that ends sessions by it never leaves a user with fewer. Only sessions that are certainly active at `now`
 * count as active.
 * @param idColumn of the session to check
 * @param of only users of these sessions are ranked; null ranks all who have more sessions than may stay
 */
export function surplusCondition(
  { knex, dialect, table, now }: ConditionParts,
  idColumn: string,
  { keepNewest, presentAt, userIds }: Surplus,
  of: RankedUsers | null,
): Knex.Raw {
  const column = (name: string) => `${RANKED}.${name}`;
  const userId = column(table.userId.name);
  const createdAt = column(table.createdAt.name);
  const ranked = knex
    .select({ id: column(table.id.name) })
    .select({
      place: knex.raw('row_number() OVER (PARTITION BY ? ORDER BY ?? DESC, ? DESC)', [
        dialect.byBytes(knex, userId, table.userId),
        createdAt,
        dialect.byBytes(knex, column(table.id.name), table.id),
      ]),
    })
    .from(tableReference(knex, table, RANKED))
    .where(column(table.expiresAt.name), '>=', encodeSurelyAfter(table.expiresAt.encoding, now))
    .whereNotNull(createdAt)
    .whereNotNull(userId)
    .whereRaw('NOT ?', [isUnreadable(knex, table.expiresAt.encoding, column(table.expiresAt.name))])
    .whereRaw('NOT ?', [isUnreadable(knex, table.createdAt.encoding, createdAt)])
    .modify((query) => {
      if (presentAt !== null) {
        // Digits after the milliseconds do not count.
        const after = toInstant(millisecondsOf(presentAt) + 1);
        void query.where(createdAt, '<', table.createdAt.encoding.encode(after));
      }
      if (userIds.length > 0) void query.where(dialect.keyIn(knex, userId, table.userId, userIds));
      void query.whereIn(userId, of === null ? usersWithMore() : usersOf(of));
    });
  return knex.raw('?? IN (SELECT ?? FROM (?) AS ?? WHERE ?? > ?)', [
    idColumn,
    `${RANKING}.id`,
    ranked,
    RANKING,
    `${RANKING}.place`,
    keepNewest,
  ]);

  /** Usually few users: ranking all the others as well would sort the whole table. */
  function usersWithMore(): Knex.QueryBuilder {
    const counted = `${COUNTED}.${table.userId.name}`;
    return knex
      .select(counted)
      .from(tableReference(knex, table, COUNTED))
      .groupBy(counted)
      .havingRaw('count(*) > ?', [keepNewest]);
  }

  function usersOf({ table: reference, userId: theirs, condition }: RankedUsers): Knex.QueryBuilder {
    return knex.select(theirs).from(reference).where(condition);
  }
}

const QUARTER = 15 * 60_000;
/** Quarter hours. No clock is set back by more. */
const LARGEST_SHIFT = 12;

/**
 * The moment in the column's encoding, so that every value that does not compare as smaller is not earlier. This holds
 * even in the hour that a wall clock shows twice. Zones change at quarter hours.
 */
export function encodeSurelyAfter(
  { encode }: Pick<TimeEncoding, 'encode'>,
  instant: Instant,
): string | number {
  const milliseconds = millisecondsOf(instant);
  const lastQuarter = Math.floor(milliseconds / QUARTER) * QUARTER;
  let latest = encode(instant);
  for (let before = 0; before <= LARGEST_SHIFT; before += 1) {
    const shown = encode(toInstant(lastQuarter - before * QUARTER - 1));
    if (shown > latest) latest = shown;
  }
  return latest;
}
