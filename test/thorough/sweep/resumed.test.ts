import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crowdOf, type Crowd } from '../../support/crowd.ts';
import { dialects } from '../../support/faults.ts';
import { operatorOn, type Operator } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { startSessionctl } from '../../support/start-sessionctl.ts';
import { deploy, plainShape, type Deployment } from '../../support/shapes.ts';
import { reportOf, sweepWith, sweptTo } from '../../support/sweeping.ts';

/** So many that PostgreSQL's table has thirty pages and more: fewer are walked from the beginning always. */
const gathered = 2401;
const sessions = gathered - 1;
const late = 120;
/** A run that sees a part of the table only, however fast the machine is. */
const bounded = ['--batch-size', '80', '--pause', '60ms', '--max-runtime', '600ms'] as const;

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

    beforeAll(async () => {
      deployment = await deploy(plainShape(dialect));
      crowd = crowdOf(deployment, { sessions: gathered });
    });
    beforeEach(async () => {
      await crowd.gather();
      if (dialect === 'postgresql') await deployment.database.query('ANALYZE session');
      operator = operatorOn(deployment.database.url, { timeZone: 'UTC' });
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

    const places = async () => {
      const rows = await deployment.database.query(`SELECT id FROM ${table('session')} ORDER BY ${order}`);
      return rows.map(({ id }) => String(id));
    };

    it('is followed by others that come to all in the end', { timeout: 120_000 }, async () => {
      await expire(late, sessions - late);
      for (let runs = 0; (await crowd.count()) > sessions - late; runs += 1) {
        expect(runs).toBeLessThan(60);
        const ran = await stopOnItsWay(boundedRun);
        expect([0, 6], ran.stderr).toContain(ran.code);
        if (ran.code === 6)
          expect(ran.stderr).toContain(
            'Run it again: each run starts at a random place, so several short ones cover everything.',
          );
      }
      expect(await operator.run(['history', '--verify'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('unbroken') as unknown,
      });
    });

    it('is followed by one that starts at another place, and comes round to it', async () => {
      await expire(sessions, 0);
      const before = await places();
      for (let runs = 0; runs < 3; runs += 1)
        expect(await operator.run(['sweep', '--limit', '20'])).toMatchObject({ code: 6 });
      const after = new Set(await places());
      const deleted = before.flatMap((id, at) => (after.has(id) ? [] : [at]));
      expect(deleted).toHaveLength(60);
      expect(deleted, 'the first ones').not.toEqual(Array.from({ length: 60 }, (_, at) => at));
      expect(await sweepWith(operator)).toMatchObject({ deleted: sessions - 60, remaining: 0 });
    });

    it('leaves no record where nothing had expired', async () => {
      const before = operator.history().length;
      const stopped = await stopOnItsWay(boundedRun);
      expect(sweptTo(stopped)).toMatchObject({ code: 6, stoppedBecause: 'max-runtime', remaining: 0 });
      expect(operator.history()).toHaveLength(before);
    });

    it('does not always leave the same table out', async () => {
      await expire(late, 0);
      const { query } = deployment.database;
      const verification = table('verification');
      const at = encode(new Date(Date.now() - 3_600_000));
      for (let row = 0; row < late; row += 1)
        await query(
          `INSERT INTO ${verification} (${['id', 'identifier', 'value', 'expiresAt', 'createdAt', 'updatedAt'].map(column).join(', ')})
           VALUES ('v${String(row)}', 'x', 'x', ${at}, ${at}, ${at})`,
        );
      const swept = { deleted: 0, verifications: 0 };
      for (let runs = 0; runs < 40 && (swept.deleted === 0 || swept.verifications === 0); runs += 1) {
        const report = reportOf(await operator.run(['sweep', '--json', '--verifications', '--limit', '1']));
        swept.deleted += report.deleted;
        swept.verifications += report.verifications ?? 0;
      }
      expect(swept.deleted).toBeGreaterThan(0);
      expect(swept.verifications).toBeGreaterThan(0);
      await query(`DELETE FROM ${verification}`);
    });

    it('by a signal before the first deletion: 130, and `cancelled` in the history', async () => {
      await expire(late, sessions - late);
      // So long a pause that the signal comes in the first one, or before it, which is tried once more.
      const words = [...operator.where, 'sweep', '--json', '--batch-size', '50', '--pause', '10s'];
      const stop = async () => {
        const before = operator.history().length;
        const running = startSessionctl(words, { env: operator.env });
        while (operator.history().length === before) await sleep(5);
        await sleep(250);
        running.child.kill('SIGTERM');
        return running.ended;
      };
      let stopped = await stopOnItsWay(stop);
      // It may have started where the expired rows are.
      for (let tries = 0; stopped.code === 6 && tries < 20; tries += 1) {
        await crowd.gather();
        await expire(late, sessions - late);
        stopped = await stopOnItsWay(stop);
      }
      expect(sweptTo(stopped)).toMatchObject({ code: 130, stoppedBecause: 'signal', remaining: late });
      expect(stopped.stderr).toMatch(/stopped by SIGTERM, nothing was changed/);
      expect(stopped.stderr).toMatch(/Run it again: each run starts at a random place/);
      expect(operator.history().at(-1)).toMatchObject({ event: 'cancelled', outcome: null });
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
  });
});
