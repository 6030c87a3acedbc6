import type { InsertDialect } from '../insert-dialect.ts';

interface Row {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
  readonly hidden: number;
}

export const sqliteInsert: InsertDialect = {
  async columns(knex, table) {
    const rows = await knex.raw<readonly Row[]>('SELECT * FROM pragma_table_xinfo(?)', [table.name]);
    const isOnlyKey = rows.filter(({ pk }) => pk > 0).length === 1;
    return rows.map(({ name, type, notnull, dflt_value: fallback, pk, hidden }) => {
      // The one kind of column that SQLite numbers automatically. Hidden columns are generated.
      const isNumbered = isOnlyKey && pk > 0 && type.toLowerCase() === 'integer';
      const hasDefault = fallback !== null || isNumbered || hidden > 0;
      return { name, type: type.toLowerCase(), hasDefault, required: notnull === 1 && !hasDefault };
    });
  },

  fieldValue: (type, value) => (type.startsWith('bool') && value !== null ? Number(value) !== 0 : value),
};
