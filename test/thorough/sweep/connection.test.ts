import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAccount } from '../../support/account.ts';
import { freePort, missingInitdb, startPrivatePostgres } from '../../support/private-postgres.ts';
import { missingMariadb, startPrivateMariadb } from '../../support/private-mariadb.ts';
import type { PrivateServer } from '../../support/private-server.ts';
import { outcomes, servers } from '../../support/faults.ts';
import { sceneOnServer, stageOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';
import { metricsPlace, reportOf, sweptTo } from '../../support/sweeping.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

const crowd = { sessions: 2000, withTokens: 200, expired: true } as const;
/** Ten batches. */
const sweep = ['sweep', '--json', '--time-zone', 'UTC', '--batch-size', '200'] as const;

for (const dialect of servers) {
  describeOn(dialect, `${dialect}: the connection of a sweep breaks`, () => {
    const isDelete = (chunk: Buffer) =>
      chunk.includes('DELETE') && chunk.includes('session') && !chunk.includes('1 = 0');
    /** The COMMIT of a transaction that deletes; those that only read end with one, too. */
    const commitOfDelete = () => {
      let deletes = false;
      return (chunk: Buffer) => {
        if (isDelete(chunk)) deletes = true;
        if (!deletes || !chunk.includes('COMMIT')) return false;
        deletes = false;
        return true;
      };
    };

    describe.each([true, false])('with OAuth tokens: %j', (withTokens) => {
      const stage = stageOn(dialect, { withTokens });
      const given = withTokens ? crowd : { sessions: crowd.sessions, expired: true };

      it.each([
        ['before a DELETE reaches the server', () => isDelete, 'before', false],
        ['after the server has deleted and before its answer', commitOfDelete, 'after', true],
      ] as const)('%s: it goes on by itself', async (_title, watch, moment, uncertain) => {
        const scene = await stage(given);
        const proxy = await startProxy(scene.deployment.database.url);
        try {
          let seen = 0;
          const isIt = watch();
          proxy.cutWhen((chunk) => {
            if (isIt(chunk)) seen += 1;
            return seen === 3;
          }, moment);
          const outcome = await scene.runHere(sweep, { url: proxy.url });
          expect(proxy.strikes()).toBe(1);
          expect(sweptTo(outcome)).toMatchObject({ code: 0, stoppedBecause: 'complete', remaining: 0 });
          const missing = crowd.sessions - reportOf(outcome).deleted;
          expect(reportOf(outcome).uncertain).toBe(true);
          if (uncertain) expect(missing, 'what the lost answer would have told').toBeGreaterThan(0);
          else expect(missing).toBe(0);
          expect(await scene.crowd.count()).toBe(0);
          expect(await scene.crowd.halfDone()).toEqual([]);
          expect(await outcomes(scene)).toEqual(['complete']);
        } finally {
          await proxy.stop();
        }
      });
    });

    const stage = stageOn(dialect);

    it('for good: what was deleted is told, and the next run finishes', async () => {
      const scene = await stage(crowd);
      await using account = await makeAccount(scene.deployment.database);
      await account.grant('DELETE, UPDATE', 'session');
      for (const table of ['oauthAccessToken', 'oauthRefreshToken']) await account.grant('UPDATE', table);
      const proxy = await startProxy(account.url);
      const metrics = metricsPlace();
      try {
        const words = [...sweep, '--pause', '50ms', '--metrics-file', metrics.path];
        const run = scene.start(words, { url: proxy.url });
        await scene.untilLeft(run, crowd.sessions * 0.7);
        proxy.refuse(true);
        proxy.cut();
        // Whoever waits for no minute sends a signal.
        run.child.kill('SIGINT');
        const outcome = await run.ended;
        expect([4, 6]).toContain(outcome.code);
        const { deleted } = reportOf(outcome);
        expect(deleted).toBeGreaterThan(0);
        const left = await scene.crowd.count();
        expect(deleted).toBeLessThanOrEqual(crowd.sessions - left);
        expect(outcome.stderr).toContain(
          `${deleted.toLocaleString('en-US')} expired sessions had been deleted`,
        );
        expect(outcome.stdout + outcome.stderr).not.toContain(account.password);
        expect(metrics.figures()).toMatchObject({ exit_code: outcome.code, deleted_sessions: deleted });
        expect(metrics.figures()).not.toHaveProperty('last_success_timestamp_seconds');
        expect(await scene.crowd.halfDone()).toEqual([]);
        const next = await scene.runHere([...sweep, '--wait', '20s']);
        expect(sweptTo(next)).toMatchObject({ code: 0, remaining: 0 });
        expect(reportOf(next).deleted).toBe(left);
      } finally {
        await proxy.stop();
      }
    });

    it('cannot be made: 4, and the figures say so and keep the last success', async () => {
      const scene = await stage({ sessions: 20, expired: true });
      const metrics = metricsPlace();
      const there = new URL(scene.deployment.database.url);
      const gone = new URL(there);
      gone.port = String(await freePort());
      // The same database by name would be another one by its port, so that the success is written under that port.
      const proxy = await startProxy(there.href);
      try {
        const first = await scene.runHere([...sweep, '--metrics-file', metrics.path], { url: proxy.url });
        expect(first.code, first.stderr).toBe(0);
        const { last_success_timestamp_seconds: success } = metrics.figures();
        await proxy.stop();
        const words = [...sweep, '--metrics-file', metrics.path];
        const refused = await scene.runHere(words, { url: proxy.url });
        expect(refused).toMatchObject({ code: 4, stdout: '' });
        expect(metrics.figures()).toMatchObject({
          exit_code: 4,
          deleted_sessions: 0,
          last_success_timestamp_seconds: success,
        });
        expect(metrics.figures()['last_run_timestamp_seconds']).toBeGreaterThan(success ?? 0);
      } finally {
        await proxy.stop().catch(() => undefined);
      }
    });
  });
}

const privateServers = [
  {
    title: 'PostgreSQL',
    dialect: 'postgresql',
    missing: missingInitdb(),
    start: () => startPrivatePostgres('right-password'),
  },
  { title: 'MariaDB', dialect: 'mysql', missing: missingMariadb(), start: startPrivateMariadb },
] as const;

for (const { title, dialect, missing, start } of privateServers) {
  describe.skipIf(missing !== undefined)(
    `a ${title} of its own${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    () => {
      let server: PrivateServer & { readonly url: string };
      beforeAll(async () => {
        server = await start();
      });
      afterAll(() => server.stop());

      it('is restarted in the middle of a sweep: it goes on by itself', async () => {
        await using scene = await sceneOnServer(dialect, server.url, crowd);
        const run = scene.start([...sweep, '--pause', '50ms']);
        await scene.untilLeft(run, crowd.sessions - 1);
        await server.restart();
        expect(run.isRunning(), 'the restart came in time').toBe(true);
        const outcome = await run.ended;
        const left = await scene.crowd.count();
        // This MariaDB writes its log once a second, and forgets with the restart what it had committed before.
        const forgot = dialect === 'mysql' && left > 0;
        expect(sweptTo(outcome)).toMatchObject({
          code: forgot ? 6 : 0,
          stoppedBecause: 'complete',
          remaining: left,
        });
        expect(await scene.crowd.halfDone()).toEqual([]);
        const next = await scene.runHere(sweep);
        expect(sweptTo(next)).toMatchObject({ code: 0, remaining: 0 });
        expect(reportOf(next).deleted).toBe(left);
      });
    },
  );
}
