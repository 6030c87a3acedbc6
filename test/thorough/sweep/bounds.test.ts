import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crowdOf, type Crowd } from '../../support/crowd.ts';
import { dialects } from '../../support/faults.ts';
import { operatorOn, type Operator } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../../support/shapes.ts';
import { reportOf, signInAged, sweepWith, sweptTo } from '../../support/sweeping.ts';

const sessions = 1500;

/** Expired rows that nothing keeps, and somebody who is signed in among them. */
describe.each(dialects)('a sweep that may not do all, on %s', (dialect) => {
  describeOn(dialect, 'it', () => {
    let deployment: Deployment;
    let crowd: Crowd;
    let operator: Operator;
    let gone: () => Promise<number>;

    /** How many rows a page has is known from the statistics alone. */
    const gather = async () => {
      await crowd.gather();
      if (dialect === 'postgresql') await deployment.database.query('ANALYZE session');
    };

    beforeAll(async () => {
      deployment = await deploy(plainShape(dialect));
      crowd = crowdOf(deployment, { sessions, expired: true });
    });
    beforeEach(async () => {
      await gather();
      const email = `ada-${String(Math.random())}@example.com`;
      const { signIns } = await signInAged(deployment, email, [60_000, 86_400_000]);
      operator = operatorOn(deployment.database.url, { timeZone: 'UTC' });
      gone = async () => sessions + signIns.length - (await crowd.count());
    });
    afterAll(() => deployment.database.drop());

    it.each([
      ['1', []],
      ['1', ['--batch-size', '1']],
      ['7', ['--batch-size', '3']],
      ['250', []],
      ['40', ['--batch-size', '40']],
      ['1499', []],
      ['1499', ['--batch-size', '100000']],
    ])('deletes --limit %s rows and no more (%j)', async (limit, words) => {
      const ran = await operator.run(['sweep', '--json', '--limit', limit, ...words]);
      expect(sweptTo(ran)).toMatchObject({ code: 6, stoppedBecause: 'limit' });
      expect(reportOf(ran).deleted).toBe(Number(limit));
      expect(await gone()).toBe(Number(limit));
      expect(ran.stderr).toMatch(
        new RegExp(`stopped by --limit ${limit} with expired rows left; [\\d,]+ expired sessions? had been`),
      );
    });

    it('ends well at a limit that is all there is, and at a larger one', async () => {
      const exact = await sweepWith(operator, '--limit', String(sessions));
      expect(exact).toMatchObject({ deleted: sessions, remaining: 0, stoppedBecause: 'complete' });
      expect(await gone()).toBe(sessions);
      expect(await sweepWith(operator, '--limit', '1')).toMatchObject({ deleted: 0, remaining: 0 });
      await gather();
      expect(await sweepWith(operator, '--limit', String(sessions + 1))).toMatchObject({ deleted: sessions });
    });

    it('takes runs of a limit to the end', async () => {
      for (const left of [900, 300]) {
        const ran = await operator.run(['sweep', '--json', '--limit', '600']);
        expect(ran.code).toBe(6);
        expect(await crowd.count()).toBe(sessions - 600 - (900 - left) + (await liveOnes()));
      }
      expect(await sweepWith(operator, '--limit', '600')).toMatchObject({ deleted: 300 });
    });
    const liveOnes = async () =>
      Number(
        (
          await deployment.database.query(
            `SELECT count(*) AS found FROM session WHERE token NOT LIKE 'token-of-%'`,
          )
        )[0]?.['found'],
      );

    it('looks at --batch-size rows at a time', async () => {
      const few = await sweepWith(operator, '--batch-size', '500');
      await gather();
      const many = await sweepWith(operator, '--batch-size', '100');
      expect(few.deleted).toBe(sessions);
      expect(many.deleted).toBe(sessions);
      expect(few.batches).toBeGreaterThan(2);
      expect(few.batches).toBeLessThan(8);
      expect(many.batches).toBeGreaterThan(12);
    });

    it('rests for --pause between two batches', async () => {
      const report = await sweepWith(operator, '--batch-size', '300', '--pause', '150ms');
      expect(report.deleted).toBe(sessions);
      expect(report.durationMs).toBeGreaterThanOrEqual((report.batches - 1) * 150 - 20);
    });

    it('stops by --max-runtime, also while it rests, and the next run goes on', async () => {
      const begun = performance.now();
      const words = ['--batch-size', '300', '--pause', '1h', '--max-runtime', '2s'];
      const ran = await operator.run(['sweep', '--json', ...words]);
      expect(performance.now() - begun, 'and not for the pause').toBeLessThan(3_600_000);
      expect(sweptTo(ran)).toMatchObject({ code: 6, stoppedBecause: 'max-runtime' });
      // Without a history it begins anywhere, also where nothing has expired.
      const report = reportOf(ran);
      expect(report.deleted).toBe(await gone());
      expect(report).toMatchObject({ remaining: sessions - report.deleted });
      expect(ran.stderr).toMatch(
        /stopped by --max-runtime before everything was checked; [\d,]+ expired sessions? had been/,
      );
      expect(await sweepWith(operator)).toMatchObject({ deleted: sessions - report.deleted, remaining: 0 });
    });

    it('keeps everything for a grace longer than there have been computers', async () => {
      expect(await sweepWith(operator, '--grace', '999999999w')).toMatchObject({ deleted: 0, remaining: 0 });
      expect(await gone()).toBe(0);
    });

    it('--dry-run counts, and changes and records nothing', async () => {
      const ran = await operator.run(['sweep', '--dry-run', '--limit', '3']);
      expect(ran.code).toBe(0);
      expect(ran.stderr).toBe('note: one run with --limit 3 would delete no more than that\n');
      expect(ran.stdout).toMatch(/^dry run: 1,500 rows that had expired by \S+Z would be deleted from .+\n$/);
      expect(await sweepWith(operator, '--dry-run')).toMatchObject({
        dryRun: true,
        deleted: 0,
        remaining: sessions,
        remainingVerifications: null,
      });
      expect(await gone()).toBe(0);
      expect(operator.history()).toEqual([]);
    });
  });
});
