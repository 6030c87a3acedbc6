import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crowdOf, type Crowd } from '../../support/crowd.ts';
import { dialects } from '../../support/faults.ts';
import { operatorOn, type Operator } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { startSessionctl } from '../../support/start-sessionctl.ts';
import { deploy, plainShape, type Deployment } from '../../support/shapes.ts';
import { sweepWith, sweptTo } from '../../support/sweeping.ts';

/** So many that PostgreSQL's table has thirty pages and more: fewer are walked from the beginning always. */
const gathered = 2401;
const sessions = gathered - 1;
const late = 120;
/** A run that sees a part of the table only, however fast the machine is. */
const bounded = ['--batch-size', '80', '--pause', '60ms', '--max-runtime', '600ms'] as const;

/** The same in a few large steps: a machine that is busy with something else may let a run take one of them only. */
const inLargeSteps = ['--batch-size', '250', '--pause', '150ms', '--max-runtime', '600ms'] as const;

/** Live sessions at the front of the table, and those that have expired behind them. */
describe.each(dialects)('a sweep that was stopped on its way, on %s', (dialect) => {
  describeOn(dialect, 'it', () => {
    let deployment: Deployment;
    let crowd: Crowd;
    let operator: Operator;

    const { table, column, encode } = plainShape(dialect);
    const order = { postgresql: 'ctid', mysql: 'id', sqlite: 'rowid' }[dialect];
    /** Sets the expiry of so many rows as the walk comes upon them, those behind `skipped` first. */
    const expire = async (rows: number, skipped: number) => {
      const { query } = deployment.database;
      const found = await query(
        `SELECT id FROM ${table('session')} ORDER BY ${order} LIMIT ${String(rows)} OFFSET ${String(skipped)}`,
      );
      const ids = found.map(({ id }) => `'${String(id)}'`).join(', ');
      const at = encode(new Date(Date.now() - 3_600_000));
      await query(`UPDATE ${table('session')} SET ${column('expiresAt')} = ${at} WHERE id IN (${ids})`);
    };
    const positions = () =>
      operator
        .history()
        .filter(({ event }) => event !== 'started')
        .map(({ position }) => position);
    const freshOperator = () => operatorOn(deployment.database.url, { timeZone: 'UTC' });

    beforeAll(async () => {
      deployment = await deploy(plainShape(dialect));
      crowd = crowdOf(deployment, { sessions: gathered });
    });
    beforeEach(async () => {
      await crowd.gather();
      if (dialect === 'postgresql') await deployment.database.query('ANALYZE session');
      operator = freshOperator();
      // A history that knows of a sweep which came to its end: the next one begins at the beginning.
      await expire(1, 0);
      await sweepWith(operator);
    });
    afterAll(() => deployment.database.drop());

    const boundedRun = () => operator.run(['sweep', '--json', ...bounded]);
    /** A busy machine may need the whole time before the first batch. */
    const stopOnItsWay = async <Ran extends Pick<Awaited<ReturnType<Operator['run']>>, 'stderr'>>(
      run: () => Promise<Ran>,
    ): Promise<Ran> => {
      for (;;) {
        const ran = await run();
        if (!ran.stderr.includes('No progress')) return ran;
      }
    };

    /** Until nothing is left to delete: so many runs at the most. */
    const runsUntilSwept = async (
      atMost: number,
      run: () => Promise<Awaited<ReturnType<Operator['run']>>>,
    ) => {
      for (let runs = 1; runs <= atMost; runs += 1) {
        const ran = await stopOnItsWay(run);
        expect([0, 6], ran.stderr).toContain(ran.code);
        if ((await crowd.count()) === sessions - late) return runs;
      }
      return Infinity;
    };

    it('goes on in the next run, and comes to all in the end', { timeout: 60_000 }, async () => {
      await expire(late, sessions - late);
      const runs = await runsUntilSwept(60, () => operator.run(['sweep', ...bounded]));
      expect(runs).toBeGreaterThan(2);
      expect(runs).toBeLessThan(60);
      const { code, stdout } = await operator.run(['history', '--verify']);
      expect({ code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('unbroken') as unknown,
      });
    });

    it('says so, and comes round to where it began', { timeout: 60_000 }, async () => {
      await expire(late, sessions - late);
      const stopped = await stopOnItsWay(boundedRun);
      expect(sweptTo(stopped)).toMatchObject({ code: 6, stoppedBecause: 'max-runtime' });
      expect(stopped.stderr).toMatch(
        /The next run continues from there, as long as \S+history\.jsonl is kept\./,
      );
      expect(positions().at(-1)).toMatchObject({
        at: expect.stringMatching(/^(page|text|rowid) \S+$/) as unknown,
      });
      // What expires meanwhile where the run has passed by is met in the same round.
      await expire(50, 0);
      const whole = await sweepWith(operator);
      expect(whole).toMatchObject({ deleted: 50 + late, remaining: 0, stoppedBecause: 'complete' });
      expect(positions().at(-1), 'a complete one leaves none').toBeUndefined();
    });

    it('leaves its place also where nothing had expired', async () => {
      const stopped = await stopOnItsWay(boundedRun);
      expect(sweptTo(stopped)).toMatchObject({ code: 6, stoppedBecause: 'max-runtime', remaining: 0 });
      expect(operator.history().slice(2)).toMatchObject([
        {
          event: 'finished',
          outcome: 'partial',
          revoked: 0,
          position: { at: expect.any(String) as unknown },
        },
      ]);
      expect(await operator.run(['history', '--verify'])).toMatchObject({ code: 0 });
      await sweepWith(operator);
      expect(operator.history(), 'a complete one that found nothing leaves no record').toHaveLength(3);
    });

    it('by a signal before the first deletion: 130, and `cancelled` in the history', async () => {
      await expire(late, sessions - late);
      // So long a pause that the signal comes in the first one, or before it, which is tried once more.
      const words = [...operator.where, 'sweep', '--json', '--batch-size', '50', '--pause', '10s'];
      const stopped = await stopOnItsWay(async () => {
        const before = operator.history().length;
        const running = startSessionctl(words, { env: operator.env });
        while (operator.history().length === before) await sleep(5);
        await sleep(250);
        running.child.kill('SIGTERM');
        return running.ended;
      });
      expect(sweptTo(stopped)).toMatchObject({ code: 130, stoppedBecause: 'signal', remaining: late });
      expect(stopped.stderr).toMatch(/stopped by SIGTERM, nothing was changed/);
      expect(stopped.stderr).toMatch(/The next run continues from there/);
      expect(operator.history().at(-1)).toMatchObject({
        event: 'cancelled',
        outcome: null,
        position: { at: expect.any(String) as unknown },
      });
      const { stdout } = await operator.run(['history', '--json', '--own', '--limit', '1']);
      expect(JSON.parse(stdout)).toMatchObject([{ command: 'sweep', outcome: 'cancelled' }]);
      expect(await sweepWith(operator)).toMatchObject({ deleted: late, remaining: 0 });
    });

    it('says that it has made no progress', async () => {
      await expire(late, 0);
      const ran = await operator.run(['sweep', '--json', '--max-runtime', '1ms', '--pause', '1s']);
      expect(ran.code).toBe(6);
      if ((await crowd.count()) === sessions) {
        expect(ran.stderr).toMatch(/stopped by --max-runtime before the first batch/);
        expect(ran.stderr).toMatch(/No progress/);
      } else expect(ran.stderr).not.toMatch(/No progress/);
    });

    it('begins at the beginning where its place means nothing any more', { timeout: 60_000 }, async () => {
      const stopped = await stopOnItsWay(boundedRun);
      expect(stopped.code).toBe(6);
      const { query } = deployment.database;
      // The table is another one, far shorter, or without any of the rows of before.
      await query(`DELETE FROM ${table('session')}`);
      if (dialect === 'postgresql') await query(`VACUUM FULL ${table('session')}`);
      const small = crowdOf(deployment, { sessions: 120, expired: true });
      await small.gather();
      expect(await sweepWith(operator, '--batch-size', '50')).toMatchObject({ deleted: 120, remaining: 0 });
    });

    it(
      'begins anywhere where no history is kept, so that it comes to all in time',
      { timeout: 90_000 },
      async () => {
        await expire(late, sessions - late);
        const runs = await runsUntilSwept(80, () => freshOperator().run(['sweep', ...inLargeSteps]));
        expect(runs).toBeLessThan(80);
      },
    );

    it('goes on by the history of the database, whoever runs it', { timeout: 60_000 }, async () => {
      const migrated = await operator.run(['schema', 'migrate', '--yes']);
      expect(migrated.code, migrated.stderr).toBe(0);
      await expire(late, sessions - late);
      const first = await stopOnItsWay(() => freshOperator().run(['sweep', ...bounded]));
      expect(first.stderr).toMatch(/The next run continues from there\.\n/);
      const runs = await runsUntilSwept(60, () => freshOperator().run(['sweep', ...bounded]));
      expect(runs).toBeGreaterThan(1);
      expect(runs).toBeLessThan(60);
    });
  });
});
