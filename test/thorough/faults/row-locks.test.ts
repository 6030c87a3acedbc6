import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { signIn, signUp } from '../../support/app.ts';
import { done, everyone, middling, servers, told } from '../../support/faults.ts';
import { holdRows } from '../../support/hold-rows.ts';
import { stageOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';

describe('somebody else holds a lock', () => {
  for (const dialect of servers) {
    const stage = stageOn(dialect);

    describeOn(dialect, dialect, () => {
      it('on some of the sessions: it waits, and whoever signs in gets through', async () => {
        const scene = await stage(middling);
        const { app, database } = scene.deployment;
        const person = await signUp(app, 'Ada', 'ada@example.com');
        const release = await holdRows(
          database,
          `SELECT id FROM session WHERE id LIKE 'session-%7' FOR UPDATE`,
        );
        const run = scene.start(everyone);
        let said = '';
        run.child.stderr.on('data', (text: string) => {
          said += text;
        });
        // It says so after some attempts.
        while (run.isRunning() && !said.includes('another transaction holds a lock; trying again')) {
          await signIn(app, person, { ip: '192.0.2.9', userAgent: 'Firefox' });
          await sleep(20);
        }
        expect(run.isRunning()).toBe(true);
        await release();
        const outcome = await run.ended;
        expect(told(outcome)).toEqual(done());
        expect(await scene.crowd.halfDone()).toEqual([]);
      });
    });
  }
});
