import type { Target } from '../../../sessions/reading-store.ts';
import type { InsertDialect } from '../dialects/insert-dialect.ts';

/** Loads the part of a dialect that only adding rows needs; most runs do not add rows. */
export async function loadInsertDialect(name: Target['dialect']): Promise<InsertDialect> {
  switch (name) {
    case 'postgresql':
      return (await import('../dialects/postgresql/insert.ts')).postgresqlInsert;
    case 'mysql':
      return (await import('../dialects/mysql/insert.ts')).mysqlInsert;
    case 'sqlite':
      return (await import('../dialects/sqlite/insert.ts')).sqliteInsert;
    default:
      return name satisfies never;
  }
}
