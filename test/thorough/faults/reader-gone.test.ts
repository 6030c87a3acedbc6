import { afterAll, beforeAll, expect, it } from 'vitest';
import { signIn, signUp } from '../../support/app.ts';
import { operatorOn } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../../support/shapes.ts';
import { startSessionctl } from '../../support/start-sessionctl.ts';
import { until } from '../../support/until.ts';

describeOn('postgresql', 'a list whose reader has gone, postgresql', () => {
  let deployment: Deployment;

  beforeAll(async () => {
    deployment = await deploy(plainShape('postgresql'));
    const ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
    await signIn(deployment.app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
  });
  afterAll(() => deployment.database.drop());

  it.for(['SIGKILL', 'SIGTERM'] as const)('ends on the server, too (%s)', async (signal, { skip }) => {
    const { query } = deployment.database;
    const [server] = await query(`SELECT current_setting('server_version_num')::int AS version`);
    if (Number(server?.['version']) < 140_000) skip('PostgreSQL looks for its client from 14 on');
    const waiting = async () => {
      const [row] = await query(
        `SELECT count(*)::int AS found FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'sessionctl' AND state = 'active' AND wait_event_type = 'Lock'`,
      );
      return row?.['found'];
    };
    const operator = operatorOn(deployment.database.url, { statementTimeout: '0s' });
    if (deployment.database.dialect !== 'postgresql') throw new Error('another database');
    const holder = await deployment.database.pool.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('LOCK TABLE session IN ACCESS EXCLUSIVE MODE');
      const { child, ended } = startSessionctl([...operator.where, 'list', '--json'], { env: operator.env });
      await until('the list waits', async () => (await waiting()) === 1);
      child.kill(signal);
      await ended;
      await until('the server has given up', async () => (await waiting()) === 0);
      expect(await waiting()).toBe(0);
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
  });
});
