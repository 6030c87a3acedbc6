import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  done,
  everyone,
  expectAllEnded,
  expectToGoOn,
  expectUntouched,
  HELD,
  isStress,
  middling,
  onlyInStress,
  small,
  told,
} from '../../support/faults.ts';
import { writeConfig } from '../../support/run-sessionctl.ts';
import { stageOn } from '../../support/scene.ts';

/** SQLite ends thousands while another process looks: enough of them to come upon it in the middle. */
const many = { sessions: 40_000, withTokens: 3000 } as const;

describe('somebody else holds a lock', () => {
  const stage = stageOn('sqlite');

  it.each(['before it begins', 'in the middle'])('SQLite, %s: it waits', async (when) => {
    const scene = await stage(many);
    const { query } = scene.deployment.database;
    // SQLite's own wait sleeps for up to a tenth of a second, and may miss every gap between two batches.
    const lock = async () => {
      await query('PRAGMA busy_timeout = 0');
      for (;;) {
        try {
          await query('BEGIN IMMEDIATE');
          return await query('PRAGMA busy_timeout = 5000');
        } catch {
          await sleep(1);
        }
      }
    };
    if (when === 'before it begins') await lock();
    const run = scene.start(everyone);
    if (when === 'in the middle') {
      await scene.untilLeft(run, many.sessions - 1);
      await lock();
    }
    await sleep(HELD);
    expect(run.isRunning()).toBe(true);
    await query('COMMIT');
    expect(told(await run.ended)).toEqual(done());
    await expectAllEnded(scene);
  });

  it('SQLite, for longer than the connect timeout: nothing is changed', async () => {
    const scene = await stage(small);
    const { query, url } = scene.deployment.database;
    await query('BEGIN IMMEDIATE');
    const config = writeConfig({ connectTimeout: '1s' });
    const outcome = await scene.run(['--config', config, ...everyone], {
      url: null,
      env: { DATABASE_URL: url },
    });
    await query('COMMIT');
    expect(outcome).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringMatching(/locked/) as unknown,
    });
    await expectUntouched(scene, small.sessions);
  });

  it.skipIf(!isStress)(
    `SQLite, in the middle and for ever: it gives up and tells what was ended${onlyInStress}`,
    { timeout: 240_000 },
    async () => {
      const scene = await stage(middling);
      const { query } = scene.deployment.database;
      const run = scene.start(everyone);
      await scene.untilLeft(run, middling.sessions - 1);
      await query('BEGIN IMMEDIATE');
      const outcome = await run.ended;
      await query('COMMIT');
      const left = await scene.crowd.count();
      expect(told(outcome)).toEqual(done('failed', 4, left));
      expect(outcome.stderr).toMatch(/locked by another process; [\d,]+ sessions had been ended/);
      await expectToGoOn(scene);
    },
  );
});
