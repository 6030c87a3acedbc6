import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { crowdOf, type Crowd } from '../../support/crowd.ts';
import { operatorOn, type Operator } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../../support/shapes.ts';
import { reportOf, sweepWith } from '../../support/sweeping.ts';

const sessions = 60_000;
const left = 6000;

/** After a large sweep: nearly all pages are empty, and the rest of the rows stands close together behind them. */
describeOn('postgresql', 'a table with pages that were freed', () => {
  let deployment: Deployment;
  let crowd: Crowd;
  let operator: Operator;

  beforeAll(async () => {
    deployment = await deploy(plainShape('postgresql'));
    crowd = crowdOf(deployment, { sessions, expired: true });
  });
  beforeEach(async () => {
    const { query } = deployment.database;
    await crowd.gather();
    await query(
      `DELETE FROM session WHERE ctid < (SELECT ctid FROM session ORDER BY ctid LIMIT 1 OFFSET ${String(sessions - left)})`,
    );
    operator = operatorOn(deployment.database.url, { timeZone: 'UTC' });
  });
  afterAll(() => deployment.database.drop());

  it.each(['with', 'without'])('is swept in batches of --batch-size, %s statistics', async (how) => {
    const { query } = deployment.database;
    await query(how === 'with' ? 'VACUUM ANALYZE session' : 'DELETE FROM pg_statistic');
    const report = await sweepWith(operator, '--batch-size', '500');
    expect(report).toMatchObject({ deleted: left, remaining: 0 });
    expect(report.batches).toBeGreaterThanOrEqual(left / 500);
    expect(report.batches).toBeLessThan((left / 500) * 2.5);
  });

  it('tells after a signal what is left, and no guess', async () => {
    await deployment.database.query('VACUUM ANALYZE session');
    const controller = new AbortController();
    const running = operator.run(['sweep', '--json', '--batch-size', '500', '--pause', '50ms'], {
      signal: controller.signal,
    });
    while ((await crowd.count()) === left) await sleep(5);
    controller.abort('SIGTERM');
    const report = reportOf(await running);
    expect(report.deleted).toBeGreaterThan(0);
    expect(report.remaining).toBe(await crowd.count());
    expect(report.remaining).toBe(left - report.deleted);
  });
});
