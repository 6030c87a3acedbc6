import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { signIn, signUp } from '../../support/app.ts';
import type { TestDatabase } from '../../support/databases.ts';
import { dialects, HELD, isStress, onlyInStress, servers } from '../../support/faults.ts';
import { stageOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';
import { untilItHears } from '../../support/start-sessionctl.ts';
import { metricsPlace, reportOf, sweptTo } from '../../support/sweeping.ts';

const crowd = { sessions: 1500, expired: true } as const;
const sweep = ['sweep', '--json', '--time-zone', 'UTC'] as const;

/** Runs statements on a connection of its own. @returns how to let go of what they have locked */
async function hold(database: TestDatabase, statements: readonly string[]): Promise<() => Promise<void>> {
  if (database.dialect === 'sqlite') {
    await database.query('BEGIN IMMEDIATE');
    return async () => {
      await database.query('COMMIT');
    };
  }
  const connection: { query(sql: string): Promise<unknown>; release(): void } =
    database.dialect === 'postgresql' ? await database.pool.connect() : await database.pool.getConnection();
  for (const statement of statements) await connection.query(statement);
  return async () => {
    await connection.query('COMMIT');
    if (database.dialect === 'mysql') await connection.query('UNLOCK TABLES');
    connection.release();
  };
}

const wholeTable = {
  postgresql: ['BEGIN', 'LOCK TABLE session IN ACCESS EXCLUSIVE MODE'],
  mysql: ['LOCK TABLES session WRITE'],
  sqlite: [],
} as const;

describe.each(dialects)('somebody else has locked the whole table, on %s', (dialect) => {
  const stage = stageOn(dialect, { withTokens: false });

  describeOn(dialect, 'a sweep', () => {
    it.each(['before it begins', 'in the middle'])('waits for a while (%s)', async (when) => {
      const scene = await stage(crowd);
      const { database } = scene.deployment;
      // SQLite's own wait for a lock sleeps for up to a tenth of a second, and is not to miss the gap between two batches.
      const words = [...sweep, '--batch-size', '200', '--pause', '150ms'];
      const early = when === 'before it begins' ? await hold(database, wholeTable[dialect]) : undefined;
      const run = scene.start(words);
      if (early === undefined) await scene.untilLeft(run, crowd.sessions - 1);
      const release = early ?? (await hold(database, wholeTable[dialect]));
      await sleep(HELD);
      expect(run.isRunning()).toBe(true);
      await release();
      const outcome = await run.ended;
      expect(sweptTo(outcome)).toMatchObject({ code: 0, stoppedBecause: 'complete', remaining: 0 });
      expect(reportOf(outcome).deleted).toBe(crowd.sessions);
      expect(await scene.crowd.count()).toBe(0);
    });

    it('hears a signal and the end of its time meanwhile', async () => {
      const scene = await stage(crowd);
      const { database } = scene.deployment;
      const release = await hold(database, wholeTable[dialect]);
      const stopped = scene.start(sweep);
      await untilItHears(stopped.child);
      await sleep(1500);
      stopped.child.kill('SIGTERM');
      // The lock is held until it has ended.
      const outcome = await stopped.ended;
      await release();
      expect(outcome).toMatchObject({ code: 130 });
      expect(outcome.stderr).toMatch(/stopped by SIGTERM, nothing was changed/);
      expect(await scene.crowd.count()).toBe(crowd.sessions);
    });

    it.skipIf(!isStress)(
      `for ever: it gives up and says so, and the next run finishes${onlyInStress}`,
      { timeout: 240_000 },
      async () => {
        const scene = await stage(crowd);
        const { database } = scene.deployment;
        const metrics = metricsPlace();
        const words = [...sweep, '--batch-size', '200', '--pause', '20ms', '--metrics-file', metrics.path];
        const run = scene.start(words);
        await scene.untilLeft(run, crowd.sessions - 1);
        const release = await hold(database, wholeTable[dialect]);
        const outcome = await run.ended;
        await release();
        const gone = crowd.sessions - (await scene.crowd.count());
        expect(sweptTo(outcome)).toMatchObject({ code: 4, stoppedBecause: 'failed' });
        expect(outcome.stderr).toMatch(/lock.*[\d,]+ expired sessions had been deleted by then/i);
        expect(metrics.figures()).toMatchObject({ exit_code: 4, deleted_sessions: gone });
        const next = await scene.run(words);
        expect(sweptTo(next)).toMatchObject({ code: 0, remaining: 0 });
      },
    );
  });
});

describe.each(servers)('somebody else has locked some rows, on %s', (dialect) => {
  const stage = stageOn(dialect, { withTokens: false });

  describeOn(dialect, 'a sweep', () => {
    it('waits, and whoever signs in gets through', async () => {
      const scene = await stage(crowd);
      const { app, database } = scene.deployment;
      const person = await signUp(app, 'Ada', 'ada@example.com');
      const begin = ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'BEGIN'];
      if (dialect === 'postgresql') begin.reverse();
      const release = await hold(database, [
        ...begin,
        `SELECT id FROM session WHERE id LIKE 'session-%7' FOR UPDATE`,
      ]);
      const run = scene.start(sweep);
      let signIns = 0;
      for (const until = Date.now() + HELD; Date.now() < until;) {
        await signIn(app, person, { ip: '192.0.2.9', userAgent: 'Firefox' });
        signIns += 1;
        await sleep(20);
      }
      expect(run.isRunning()).toBe(true);
      await release();
      const outcome = await run.ended;
      expect(sweptTo(outcome)).toMatchObject({ code: 0, remaining: 0 });
      expect(reportOf(outcome).deleted).toBe(crowd.sessions);
      // How long they wait is for bench/ to say.
      expect(await scene.crowd.count()).toBe(signIns);
    });
  });
});
