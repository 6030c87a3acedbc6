import { expect, it, onTestFinished } from 'vitest';
import { createSqlite } from '../../support/databases.ts';
import { columns, open, refusal } from '../../support/replication.ts';

it('SQLite has no replicas', async () => {
  const database = await createSqlite();
  onTestFinished(() => database.drop());
  await database.query(`CREATE TABLE session ${columns('date', 'text')}`);
  const error = await refusal((await open(database.url)).openReplication());
  expect(error).toMatchObject({ exitCode: 2 });
});
