import type { TestDatabase } from './databases.ts';

/** Locks what a query finds, in a transaction of its own. @returns how to let go */
export async function holdRows(database: TestDatabase, query: string): Promise<() => Promise<void>> {
  if (database.dialect === 'sqlite') throw new Error('SQLite locks no rows');
  const connection: { query(sql: string): Promise<unknown>; release(): void } =
    database.dialect === 'postgresql' ? await database.pool.connect() : await database.pool.getConnection();
  // The default of MySQL would lock the gaps beside the rows, too.
  const begin = ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'BEGIN'];
  if (database.dialect === 'postgresql') begin.reverse();
  for (const statement of [...begin, query]) await connection.query(statement);
  return async () => {
    await connection.query('COMMIT');
    connection.release();
  };
}
