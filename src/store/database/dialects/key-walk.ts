import type { Knex } from 'knex';
import type { Position, TableWalk } from './dialect.ts';

/**
 * Walks along a unique key. The server carries the bounds, since its order of keys is not JavaScript's.
 * @param reference the table with its alias
 * @param column of the key, with the alias
 */
export function keyWalk(knex: Knex, reference: Knex.Raw, column: string): TableWalk {
  return {
    async piece(from, rows) {
      const behind = from === null ? knex.raw('1 = 1') : knex.raw('?? > ?', [column, from]);
      const [bound] = (await knex
        .select({ bound: column })
        .from(reference)
        .where(behind)
        .orderBy(column)
        .limit(1)
        .offset(rows - 1)) as { bound: Position }[];
      if (bound === undefined) return { condition: behind, most: rows, next: null };
      const condition = knex.raw('(? AND ?? <= ?)', [behind, column, bound.bound]);
      return { condition, most: rows, next: bound.bound };
    },
  };
}
