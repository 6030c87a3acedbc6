import { copyFileSync } from 'node:fs';
import BetterSqlite3 from 'better-sqlite3';
import { expect, it } from 'vitest';
import { crowdOf } from '../../support/crowd.ts';
import { operatorOn } from '../../support/operator.ts';
import { deploy, plainShape } from '../../support/shapes.ts';
import { sweepWith } from '../../support/sweeping.ts';

it('leaves nothing of a sweep in the log of an SQLite file, where the next sign-in would have to move it', async () => {
  const deployment = await deploy(plainShape('sqlite'));
  const { database } = deployment;
  if (database.dialect !== 'sqlite') throw new Error('this is about SQLite');
  try {
    // The application's own connection stays open, so that closing sessionctl's moves nothing.
    database.connection.pragma('journal_mode = WAL');
    await crowdOf(deployment, { sessions: 3000, expired: true }).gather();
    const report = await sweepWith(operatorOn(database.url, { timeZone: 'UTC' }), '--batch-size', '100');
    expect(report).toMatchObject({ deleted: 3000, remaining: 0 });

    const alone = `${database.file}-alone`;
    copyFileSync(database.file, alone);
    const file = new BetterSqlite3(alone);
    expect(file.prepare('SELECT count(*) AS found FROM session').get()).toEqual({ found: 0 });
    file.close();
  } finally {
    await database.drop();
  }
});
