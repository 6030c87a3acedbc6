import { expect, it } from 'vitest';
import { signUp, signIn } from '../../support/app.ts';
import type { DatabaseSettings } from '../../../src/config/settings.ts';
import { dialects, isStress, large, outcomes } from '../../support/faults.ts';
import { startLockHolder } from '../../support/lock-holder.ts';
import { stageOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';
import { startProxy } from '../../support/tcp-proxy.ts';
import { metricsPlace, reportOf, sweptTo } from '../../support/sweeping.ts';

const crowd = { ...large, expired: true } as const;
/** Of few that take their time a batch might be all that there is. */
const inBatches = isStress ? [] : ['--batch-size', '200'];
const few = { sessions: 50, expired: true } as const;
const sweep = ['sweep', '--json', '--time-zone', 'UTC'] as const;

const settingsOf = (url: string): DatabaseSettings => ({
  profile: null,
  url,
  timeZone: null,
  statementTimeout: 30_000,
  connectTimeout: 10_000,
  tls: null,
  schema: { databaseSchema: null, table: null, userTable: null, columns: {}, userColumns: {} },
  cwd: '/',
  replicas: [],
});

for (const dialect of dialects) {
  const stage = stageOn(dialect);

  describeOn(dialect, `${dialect}: a sweep is stopped`, () => {
    it('SIGINT and SIGTERM finish the batch and tell what was deleted; the next run goes on', async () => {
      const scene = await stage(crowd);
      const metrics = metricsPlace();
      const measured = [...sweep, '--metrics-file', metrics.path];
      const deleted: number[] = [];
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        const before = await scene.crowd.count();
        const run = scene.start([...measured, '--pause', '20ms', ...inBatches]);
        await scene.untilLeft(run, before - 1);
        run.child.kill(signal);
        const outcome = await run.ended;
        const left = await scene.crowd.count();
        expect(sweptTo(outcome)).toMatchObject({ code: 6, stoppedBecause: 'signal' });
        expect(outcome.stderr).toMatch(
          new RegExp(`stopped by ${signal}; [\\d,]+ expired sessions had been deleted by then`),
        );
        const report = reportOf(outcome);
        expect(report.deleted).toBe(before - left);
        expect(left).toBeGreaterThan(0);
        expect(report.remaining).toBe(left);
        expect(await scene.crowd.halfDone()).toEqual([]);
        expect(metrics.figures()).toMatchObject({ exit_code: 6, deleted_sessions: report.deleted });
        expect(metrics.figures()).not.toHaveProperty('last_success_timestamp_seconds');
        deleted.push(report.deleted);
      }
      const left = await scene.crowd.count();
      const last = await scene.runHere(measured);
      expect(last.code, last.stderr).toBe(0);
      expect(reportOf(last)).toMatchObject({ deleted: left, remaining: 0 });
      expect(metrics.figures()).toMatchObject({ exit_code: 0, remaining_estimate: 0 });
      expect(await scene.history()).toMatchObject([
        { command: 'sweep', outcome: 'partial', revoked: deleted[0] },
        { command: 'sweep', outcome: 'partial', revoked: deleted[1] },
        { command: 'sweep', outcome: 'complete', revoked: left, remaining: 0 },
      ]);
    });

    it('while another run has the lock: 8 and who it is; --wait waits, and a signal ends that with 130', async () => {
      const scene = await stage(few);
      const { url } = scene.deployment.database;
      const holder = startLockHolder(settingsOf(url), { who: 'root@cron-1, pid 4711' });
      expect(await holder.attempt).toMatchObject({ held: true });
      const metrics = metricsPlace();

      const refused = await scene.runHere([...sweep, '--metrics-file', metrics.path]);
      expect(refused).toMatchObject({ code: 8, stdout: '' });
      // MySQL knows the account and the connection of the holder, but not the run or since when.
      const named =
        dialect === 'mysql' ? '\\S+ from \\S+, connection \\d+' : 'root@cron-1, pid 4711, since \\d{4}-';
      expect(refused.stderr).toMatch(new RegExp(`another sweep of .* is running: ${named}`));
      expect(refused.stderr).toContain('--wait');
      expect(metrics.figures()).toMatchObject({ exit_code: 8, deleted_sessions: 0 });

      // Who only looks needs no lock.
      const looked = await scene.runHere([...sweep, '--dry-run']);
      expect(looked).toMatchObject({ code: 0 });
      expect(reportOf(looked)).toMatchObject({ remaining: few.sessions });

      const short = await scene.runHere([...sweep, '--wait', '300ms']);
      expect(short.code).toBe(8);
      const given = scene.start([...sweep, '--wait', '1h', '--metrics-file', metrics.path]);
      await new Promise((resolve) => given.child.stderr.once('data', resolve));
      given.child.kill('SIGTERM');
      const stopped = await given.ended;
      expect(stopped).toMatchObject({ code: 130, stdout: '' });
      expect(stopped.stderr).toMatch(/stopped by SIGTERM, nothing was changed/);
      expect(metrics.figures()).toMatchObject({ exit_code: 130 });
      expect(await scene.crowd.count()).toBe(few.sessions);

      const waiting = scene.start([...sweep, '--wait', '1h', '--metrics-file', metrics.path]);
      await new Promise((resolve) => waiting.child.stderr.once('data', resolve));
      await holder.release();
      const done = await waiting.ended;
      expect(done.code, done.stderr).toBe(0);
      expect(done.stderr).toContain(`waiting: another sweep of`);
      expect(done.stderr).toContain(' is running: ');
      expect(reportOf(done)).toMatchObject({ deleted: few.sessions, remaining: 0 });
      expect(metrics.figures()).toMatchObject({ exit_code: 0, deleted_sessions: few.sessions });
      expect(await outcomes(scene)).toEqual(['complete']);
    });

    it('two at once delete each session once', async () => {
      const scene = await stage({ sessions: 2000, withTokens: 200, expired: true });
      const { app } = scene.deployment;
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      const { cookie } = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
      const both = await Promise.all([
        scene.run([...sweep, '--wait', '30s']),
        scene.run([...sweep, '--wait', '30s']),
      ]);
      expect(both.map(({ code }) => code)).toEqual([0, 0]);
      const deleted = both.map((one) => reportOf(one).deleted);
      expect(deleted.sort((a, b) => a - b)).toEqual([0, 2000]);
      expect(await scene.crowd.count()).toBe(1);
      expect(await app.api.getSession({ headers: { cookie } })).not.toBeNull();
    });

    it.skipIf(dialect === 'sqlite')('ends where another run has taken the lock meanwhile', async () => {
      const scene = await stage({ ...few, sessions: 1000 });
      const { url } = scene.deployment.database;
      const proxy = await startProxy(url);
      try {
        const run = scene.start([...sweep, '--batch-size', '100', '--pause', '2s'], { url: proxy.url });
        await scene.untilLeft(run, 999);
        // The run stays away until the other has the lock, which the server lets go only when it misses the connection.
        proxy.refuse(true);
        proxy.cut();
        const holder = startLockHolder(settingsOf(url), { who: 'root@cron-2', milliseconds: 20_000 });
        expect(await holder.attempt).toMatchObject({ held: true });
        proxy.refuse(false);
        const outcome = await run.ended;
        expect(sweptTo(outcome)).toMatchObject({ code: 8, stoppedBecause: 'failed' });
        expect(outcome.stderr).toMatch(
          /the lock went with a lost connection, and another sweep of .* is running: .*expired sessions had been deleted/,
        );
        expect(await scene.crowd.count()).toBe(1000 - reportOf(outcome).deleted);
        await holder.release();
      } finally {
        await proxy.stop();
      }
    });

    it('nobody reads what it says: the exit code tells the truth', async () => {
      const scene = await stage(few);
      const run = scene.start(sweep);
      run.child.stdout.destroy();
      run.child.stderr.destroy();
      expect(await run.ended).toMatchObject({ code: 0 });
      expect(await scene.crowd.count()).toBe(0);
    });
  });
}
