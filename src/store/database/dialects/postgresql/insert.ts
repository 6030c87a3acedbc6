import type { InsertColumn, InsertDialect } from '../insert-dialect.ts';
import { regclassName } from './regclass-name.ts';

const COLUMNS = `
SELECT a.attname AS name, t.typname AS type,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS required,
       a.atthasdef OR a.attidentity <> '' AS "hasDefault"
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = CAST(? AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum`;

const NUMBERS = ['int2', 'int4', 'int8', 'float4', 'float8', 'numeric'];

export const postgresqlInsert: InsertDialect = {
  async columns(knex, table) {
    const { rows } = await knex.raw<{ rows: readonly InsertColumn[] }>(COLUMNS, [regclassName(table)]);
    return rows;
  },

  // Every value is streamed as the text that the server wrote.
  fieldValue(type, value) {
    if (typeof value !== 'string') return value;
    if (type === 'bool') return value === 't';
    if (NUMBERS.includes(type)) return Number(value);
    return type === 'json' || type === 'jsonb' ? (JSON.parse(value) as unknown) : value;
  },
};
