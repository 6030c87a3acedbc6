import type { InsertDialect } from '../insert-dialect.ts';

interface Row {
  readonly name: string;
  readonly type: string;
  readonly nullable: string;
  readonly fallback: string | null;
  readonly extra: string;
}

export const mysqlInsert: InsertDialect = {
  async columns(knex, table) {
    const [rows] = await knex.raw<readonly [readonly Row[], unknown]>(
      `SELECT COLUMN_NAME AS name, DATA_TYPE AS type, IS_NULLABLE AS nullable, COLUMN_DEFAULT AS fallback, EXTRA AS extra
         FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
      [table.name],
    );
    return rows.map(({ name, type, nullable, fallback, extra }) => {
      // MariaDB writes the default NULL as a word.
      const hasDefault =
        (fallback !== null && fallback.toUpperCase() !== 'NULL') || /auto_increment|generated/i.test(extra);
      return { name, type, hasDefault, required: nullable === 'NO' && !hasDefault };
    });
  },

  fieldValue(type, value) {
    // MySQL has no other boolean type.
    if (type === 'tinyint' && value !== null) return Number(value) !== 0;
    if (['decimal', 'bigint'].includes(type) && value !== null) return Number(value);
    return type === 'json' && typeof value === 'string' ? (JSON.parse(value) as unknown) : value;
  },
};
