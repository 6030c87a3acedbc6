import type { Knex } from 'knex';

/** Sets one column, and keeps the database from changing others automatically. */
export function assignments(
  knex: Knex,
  column: string,
  value: string | number | Knex.Raw | null,
  touched: readonly string[],
): Knex.Raw {
  const kept = touched.filter((name) => name !== column);
  return knex.raw(['?? = ?', ...kept.map(() => '?? = ??')].join(', '), [
    column,
    value,
    ...kept.flatMap((name) => [name, name]),
  ]);
}
