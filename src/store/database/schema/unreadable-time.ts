import type { Knex } from 'knex';
import type { TimeEncoding } from './time-encoding.ts';

/**
 * Whether a column holds a value that its encoding cannot represent; never true for NULL.
 * @param reference the column with the alias of its table
 */
export function isUnreadable(
  knex: Knex,
  { unreadable }: Pick<TimeEncoding, 'unreadable'>,
  reference: string,
): Knex.Raw {
  const places = unreadable.split('??').length - 1;
  return knex.raw(
    unreadable,
    Array.from({ length: places }, () => reference),
  );
}
