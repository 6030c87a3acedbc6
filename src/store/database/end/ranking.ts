import type { Knex } from 'knex';
import type { Selection } from '../../../sessions/selection.ts';
import type { Pace } from '../../../sessions/ending-store.ts';
import type { BatchWork } from './batches.ts';
import { SESSION, allOf, isPossibleKey, sessionColumn } from '../query/conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import { surplusCondition } from '../query/surplus.ts';
import { MOST_IDS } from './sweeping.ts';
import { tableReference } from '../query/table-reference.ts';
import { dialects } from '../dialects/dialects.ts';

/** Finds the sessions beyond the newest of their users, batch by batch. */
export interface Ranking {
  /** The pieces of a walk, with the added condition that a session is beyond the newest of its user at that moment. */
  readonly within: (piece: BatchWork['piece']) => BatchWork['piece'];
  /** Batches do not adapt: the cost of ranking depends on how many sessions the users have, not on how many end. */
  readonly pace: Pace;
}

/**
 * @param condition a further condition for a session to be ended
 * @returns null where the selection does not rank
 */
export async function rankingOf(
  parts: DatabaseStoreParts,
  { keepNewest, presentAt, userIds }: Selection,
  condition: Knex.Raw,
): Promise<Ranking | null> {
  if (keepNewest === null) return null;
  const { knex, dialect, shape, persist } = parts;
  const { session: table } = shape;
  const surplus = {
    keepNewest,
    presentAt,
    userIds: userIds.filter((id) => isPossibleKey(table.userId, id)),
  };
  return {
    pace: paceOf((await persist(() => findsUsers(parts))) ? RANKED_AT_ONCE : MOST_IDS),
    within: (piece) => async (from, rows) => {
      const found = await piece(from, rows);
      // Some of the sessions that were active at the start may have expired; they do not take up a place.
      const now = await dialect.readClock(knex);
      const isSurplus = surplusCondition(
        { knex, dialect, table, now },
        sessionColumn(table.id.name),
        surplus,
        {
          table: tableReference(knex, table, SESSION),
          userId: sessionColumn(table.userId.name),
          condition: allOf(knex, [found.condition, condition]),
        },
      );
      return { ...found, condition: allOf(knex, [found.condition, isSurplus]) };
    },
  };
}

/** Whether an index leads from a user to their sessions, as Better Auth's own does. */
async function findsUsers({ knex, shape, target }: DatabaseStoreParts): Promise<boolean> {
  const { schema, name, userId } = shape.session;
  const { indexes } = await (
    await dialects[target.dialect].schema()
  ).indexesOn(knex, { schema, table: name, column: userId.name });
  return indexes.some(({ usable }) => usable);
}

/** Rows of a batch where an index leads to the users' sessions. Without one, each batch reads the whole table. */
const RANKED_AT_ONCE = 2000;

function paceOf(rows: number): Pace {
  return { rows, stop: new AbortController().signal, before: () => Promise.resolve() };
}
