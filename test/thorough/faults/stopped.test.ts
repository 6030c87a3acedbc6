import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import {
  dialects,
  done,
  everyone,
  expectAllEnded,
  expectToGoOn,
  large,
  middling,
  outcomes,
  told,
} from '../../support/faults.ts';
import { stageOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';
import { runInTerminal } from '../../support/terminal.ts';

for (const dialect of dialects) {
  const stage = stageOn(dialect);

  describeOn(dialect, `${dialect}: stopped`, () => {
    it('SIGINT and SIGTERM finish the batch and tell what is left', async () => {
      const scene = await stage(large);
      const ended: (number | undefined)[] = [];
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        const before = await scene.crowd.count();
        const run = scene.start(everyone);
        await scene.untilLeft(run, before - 1);
        run.child.kill(signal);
        const outcome = await run.ended;
        const left = await scene.crowd.count();
        expect(told(outcome)).toEqual(done('signal', 6, left));
        expect(left).toBeGreaterThan(0);
        expect(outcome.report?.revoked).toBe(before - left);
        expect(outcome.stderr).toContain(signal);
        expect(await scene.crowd.halfDone()).toEqual([]);
        ended.push(outcome.report?.revoked);
      }
      const left = await scene.crowd.count();
      await expectToGoOn(scene);
      expect(await scene.history()).toMatchObject([
        { outcome: 'partial', matched: large.sessions, revoked: ended[0] },
        { outcome: 'partial', revoked: ended[1], remaining: left },
        { outcome: 'complete', matched: left, revoked: left, remaining: 0 },
      ]);
    });

    it('a terminal that closes stops it like a signal, however often it is told', async () => {
      const scene = await stage(large);
      const { stateHome, crowd, deployment } = scene;
      const run = runInTerminal(['--url', deployment.database.url, ...everyone], {
        columns: 80,
        env: { XDG_STATE_HOME: stateHome },
      });
      const isOver = run.ended.then(
        () => true,
        () => true,
      );
      while ((await crowd.count()) === large.sessions && !(await Promise.race([isOver, sleep(2, false)])));
      run.close();
      process.kill(run.pid, 'SIGHUP');
      expect(await run.ended).toMatchObject({ code: 6 });
      const left = await crowd.count();
      expect(left).toBeGreaterThan(0);
      expect(await crowd.halfDone()).toEqual([]);
      expect(await scene.history()).toMatchObject([
        { outcome: 'partial', revoked: large.sessions - left, remaining: left },
      ]);
    });

    it('a second signal ends at once', async () => {
      const scene = await stage(middling);
      const run = scene.start(everyone);
      await scene.untilLeft(run, middling.sessions - 1);
      run.child.kill('SIGINT');
      run.child.kill('SIGTERM');
      expect(await run.ended).toMatchObject({ code: 6, stdout: '' });
      expect(await scene.crowd.halfDone()).toEqual([]);
      expect(await outcomes(scene)).toEqual(['unfinished']);
      await expectToGoOn(scene);
    });

    it('two at once end each session once', async () => {
      const scene = await stage(large);
      const both = await Promise.all([scene.run(everyone), scene.run(everyone)]);
      expect(both.map(told)).toEqual([done(), done()]);
      expect(both.map(({ stdout, stderr }) => stdout + stderr).join('\n')).not.toMatch(/deadlock/i);
      const [first = 0, second = 0] = both.map(({ report }) => report?.revoked);
      expect(first + second).toBe(large.sessions);
      await expectAllEnded(scene);
      // Of whoever came so late that nothing was left to be ended nothing is recorded.
      const planned = both.filter(({ report }) => (report?.matched ?? 0) > 0);
      expect(await outcomes(scene)).toEqual(planned.map(() => 'complete'));
    });

    it('nobody reads what it says: the exit code tells the truth', async () => {
      const scene = await stage(middling);
      const stopped = scene.start(everyone);
      stopped.child.stdout.destroy();
      await scene.untilLeft(stopped, middling.sessions - 1);
      stopped.child.kill('SIGINT');
      expect(await stopped.ended).toMatchObject({ code: 6 });
      const finished = scene.start(everyone);
      finished.child.stdout.destroy();
      finished.child.stderr.destroy();
      expect(await finished.ended).toMatchObject({ code: 0 });
      await expectAllEnded(scene);
      expect(await outcomes(scene)).toEqual(['partial', 'complete']);
    });
  });
}
