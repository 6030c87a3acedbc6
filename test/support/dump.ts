import type { Row, TestDatabase } from './databases.ts';

/** Rows by the name of their table. */
export type Dump = Readonly<Record<string, readonly Row[]>>;

/** Every row of every table, times as the database's own text: two dumps are equal only where nothing has changed. */
export async function dumpTables(database: TestDatabase): Promise<Dump> {
  const dumped = (await tableNames(database)).map(
    async (name) => [name, await dumpTable(database, name)] as const,
  );
  return Object.fromEntries(await Promise.all(dumped));
}

/**
 * Every row of one table, in an order that only depends on what they hold.
 * @param name as the catalogue has it, not quoted
 */
export async function dumpTable(database: TestDatabase, name: string): Promise<readonly Row[]> {
  const rows = await rowsOf(database, name);
  return [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

async function tableNames(database: TestDatabase): Promise<readonly string[]> {
  const names = await database.query(
    {
      postgresql:
        'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()',
      mysql: 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
      sqlite: `SELECT name FROM sqlite_master WHERE type = 'table'`,
    }[database.dialect],
  );
  return names.map(({ name }) => String(name)).sort();
}

async function rowsOf(database: TestDatabase, name: string): Promise<readonly Row[]> {
  if (database.dialect === 'postgresql') {
    // As JSON a moment keeps its microseconds, which the driver would cut off.
    const rows = await database.query(`SELECT to_jsonb(t) AS row FROM "${name}" t`);
    return rows.map(({ row }) => row as Row);
  }
  if (database.dialect === 'mysql') {
    const [rows] = await database.pool.query({ sql: `SELECT * FROM \`${name}\``, dateStrings: true });
    return rows as Row[];
  }
  return database.query(`SELECT * FROM "${name}"`);
}
