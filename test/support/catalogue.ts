import type { TestDatabase } from './databases.ts';

/**
 * Every table, column, index and constraint as the database's own text, in order: equal only where the schema is. With
 * `without`, what such names begin with is left out.
 */
export async function catalogueOf(database: TestDatabase, without?: string): Promise<readonly string[]> {
  const lines = await readers[database.dialect](database);
  return lines.filter((line) => without === undefined || !line.includes(without)).sort();
}

const readers: Readonly<
  Record<TestDatabase['dialect'], (database: TestDatabase) => Promise<readonly string[]>>
> = {
  postgresql: async ({ query }) => {
    const rows = await query(`
        SELECT concat_ws(' ', 'column', table_name, column_name, data_type, character_maximum_length, is_nullable, column_default,
                         is_identity) AS line
          FROM information_schema.columns WHERE table_schema IN ('public', 'auth')
        UNION ALL
        SELECT concat_ws(' ', 'index', replace(pg_get_indexdef(indexrelid), ' auth.', ' public.'),
                         CASE WHEN indisvalid THEN 'valid' ELSE 'invalid' END)
          FROM pg_index WHERE indrelid::regclass::text !~ '^pg_' AND indrelid IN (
            SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'auth')))
        UNION ALL
        SELECT concat_ws(' ', 'constraint', c.relname, k.conname, replace(pg_get_constraintdef(k.oid), ' auth.', ' '))
          FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         WHERE k.connamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'auth'))`);
    return rows.map(({ line }) => String(line));
  },
  mysql: async ({ query }) => {
    const tables = await query(
      'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()',
    );
    const made = tables.map(async ({ name }) => {
      const [row] = await query(`SHOW CREATE TABLE \`${String(name)}\``);
      return String(row?.['Create Table']).replace(/ AUTO_INCREMENT=\d+/, '');
    });
    return Promise.all(made);
  },
  sqlite: async ({ query }) => {
    const rows = await query(
      `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'`,
    );
    return rows.map(({ sql }) => String(sql));
  },
};
