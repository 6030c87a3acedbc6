import type { Knex } from 'knex';

/** A table under an alias; the schema is PostgreSQL's. */
export function tableReference(
  knex: Knex,
  table: { readonly schema: string | null; readonly name: string },
  alias: string,
): Knex.Raw {
  return table.schema === null
    ? knex.raw('?? AS ??', [table.name, alias])
    : knex.raw('??.?? AS ??', [table.schema, table.name, alias]);
}
