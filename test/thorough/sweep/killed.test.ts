import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { atRest } from '../../support/at-rest.ts';
import { signIn, signUp } from '../../support/app.ts';
import { dialects, isStress, large, outcomes, rounds } from '../../support/faults.ts';
import { stageOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';
import { figuresIn, metricsPlace, reportOf } from '../../support/sweeping.ts';

const crowd = { ...large, expired: true } as const;
/** Of few that take their time a batch might be all that there is. */
const inBatches = isStress ? [] : ['--batch-size', '200'];

for (const dialect of dialects) {
  const stage = stageOn(dialect);

  describeOn(dialect, `${dialect}: a sweep is killed`, () => {
    it(
      `kill -9 at any moment leaves nothing half done, and the next run finishes (${String(rounds)} rounds)`,
      { timeout: 30_000 + rounds * 20_000 },
      async () => {
        const scene = await stage(crowd);
        const metrics = metricsPlace();
        const sweep = ['sweep', '--json', '--time-zone', 'UTC', '--metrics-file', metrics.path, ...inBatches];
        const { app } = scene.deployment;
        for (let round = 0; round < rounds; round += 1) {
          if (round > 0) await scene.crowd.gather();
          const ada = await signUp(app, 'Ada', `ada-${String(round)}@example.com`);
          const { cookie } = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
          const run = scene.start(sweep);
          await scene.untilLeft(run, crowd.sessions * (0.3 + 0.7 * Math.random()));
          await sleep(50 * Math.random());
          run.child.kill('SIGKILL');
          expect(await run.ended).toMatchObject({ code: null, stdout: '' });
          await atRest(scene.deployment.database);
          expect(await scene.crowd.halfDone()).toEqual([]);

          // Its lock has gone with it; a server may take a moment to miss it.
          const left = await scene.crowd.count();
          const next = await scene.runHere([...sweep, '--wait', '20s']);
          expect(next.code, next.stderr).toBe(0);
          expect(reportOf(next)).toMatchObject({ deleted: left - 1, remaining: 0 });
          expect(await scene.crowd.count()).toBe(1);
          expect(await scene.crowd.halfDone()).toEqual([]);
          expect(await app.api.getSession({ headers: { cookie } })).not.toBeNull();
          expect(figuresIn(metrics.read())).toMatchObject({ exit_code: 0, deleted_sessions: left - 1 });
        }
        expect(await outcomes(scene)).toEqual(
          Array.from({ length: rounds }, () => ['unfinished', 'complete']).flat(),
        );
      },
    );
  });
}
