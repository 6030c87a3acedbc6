import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { atRest } from '../../support/at-rest.ts';
import { dialects, everyone, expectToGoOn, large, outcomes, rounds } from '../../support/faults.ts';
import { stageOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';

for (const dialect of dialects) {
  const stage = stageOn(dialect);

  describeOn(dialect, `${dialect}: killed`, () => {
    it(
      `kill -9 at any moment leaves nothing half done (${String(rounds)} rounds)`,
      { timeout: 30_000 + rounds * 20_000 },
      async () => {
        const scene = await stage(large);
        for (let round = 0; round < rounds; round += 1) {
          if (round > 0) await scene.crowd.gather();
          const run = scene.start(everyone);
          // The last part is spared: the run would be at its end before the signal has come.
          await scene.untilLeft(run, large.sessions * (0.3 + 0.7 * Math.random()) - 1);
          // Looking has just seen a COMMIT; a batch takes so long.
          await sleep(50 * Math.random());
          run.child.kill('SIGKILL');
          expect(await run.ended).toMatchObject({ code: null, stdout: '' });
          await atRest(scene.deployment.database);
          expect(await scene.crowd.halfDone()).toEqual([]);
          await expectToGoOn(scene);
        }
        expect(await outcomes(scene)).toEqual(
          Array.from({ length: rounds }, () => ['unfinished', 'complete']).flat(),
        );
      },
    );
  });
}
