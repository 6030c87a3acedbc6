import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { signIn, signUp } from '../../support/app.ts';
import type { TestDatabase } from '../../support/databases.ts';
import { done, everyone, HELD, middling, servers, told } from '../../support/faults.ts';
import { stageOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';

describe('somebody else holds a lock', () => {
  for (const dialect of servers) {
    const stage = stageOn(dialect);

    describeOn(dialect, dialect, () => {
      it('on some of the sessions: it waits, and whoever signs in gets through', async () => {
        const scene = await stage(middling);
        const { app, database } = scene.deployment;
        const person = await signUp(app, 'Ada', 'ada@example.com');
        const release = await holdRows(
          database,
          `SELECT id FROM session WHERE id LIKE 'session-%7' FOR UPDATE`,
        );
        const run = scene.start(everyone);
        const until = Date.now() + HELD;
        while (Date.now() < until) {
          await signIn(app, person, { ip: '192.0.2.9', userAgent: 'Firefox' });
          await sleep(20);
        }
        expect(run.isRunning()).toBe(true);
        await release();
        const outcome = await run.ended;
        expect(told(outcome)).toEqual(done());
        expect(await scene.crowd.halfDone()).toEqual([]);
      });
    });
  }
});

/** Locks what a query finds, in a transaction of its own. @returns how to let go */
async function holdRows(database: TestDatabase, query: string): Promise<() => Promise<void>> {
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
