import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startLoad, type LoadResult } from '../support/load.ts';
import { sceneOn, type Outcome, type Scene } from '../support/scene.ts';
import { describeOn, type ServerDialect } from '../support/servers.ts';

/** What takes a while to end, few as they are. */
const sessions = 1200;
const everyone = ['revoke-all', '--everyone', '--yes', '--json'] as const;
const load = { perSecond: 50, signIns: 0.5, refreshes: 0.4 } as const;
const servers = ['postgresql', 'mysql'] as const satisfies readonly ServerDialect[];

/** Nobody who uses the application has got an error. How long they wait is for bench/ to say. */
function expectUndisturbed(
  result: LoadResult,
  { startedAt, finishedAt }: NonNullable<Outcome['report']>,
): void {
  expect(result.errors).toEqual([]);
  const all = [...result.signIns, ...result.refreshes, ...result.lookUps];
  const during = all.filter(({ at, ms }) => at + ms > Date.parse(startedAt) && at < Date.parse(finishedAt));
  expect(during.length).toBeGreaterThan(0);
}

describe('while people sign in', () => {
  for (const dialect of servers) {
    describeOn(dialect, dialect, () => {
      const during = async (scene: Scene, words: readonly string[], signInsGoOn: number) => {
        const running = await startLoad(scene.deployment.database, load);
        await sleep(1000);
        const run = scene.start(words);
        const finished = signInsGoOn === Infinity ? await run.ended : undefined;
        await sleep(signInsGoOn === Infinity ? 500 : signInsGoOn);
        const result = await running.stop();
        const outcome = finished ?? (await run.ended);
        const { code, report, stdout, stderr } = outcome;
        expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) as unknown });
        expect(stdout + stderr).not.toMatch(/deadlock/i);
        if (report === undefined) throw new Error('no report');
        return { result, report };
      };

      it('everything from before its start is ended, and whoever comes later stays', async () => {
        await using scene = await sceneOn(dialect, { sessions, slowly: true });
        const { result, report } = await during(scene, everyone, Infinity);
        expect(report).toMatchObject({ remaining: 0, survivors: [] });

        const { app } = scene.deployment;
        const fates = await Promise.all(
          result.signIns.map(async ({ createdAt, cookie }) => ({
            createdAt,
            lives: (await app.api.getSession({ headers: { cookie } })) !== null,
          })),
        );
        const created = (lives: boolean) =>
          fates.filter((fate) => fate.lives === lives).map(({ createdAt }) => Date.parse(createdAt));
        const [ended, alive] = [created(false), created(true)];
        // One moment decides, and it lies between the start and the end of the run.
        expect(ended.length).toBeGreaterThan(0);
        expect(Math.min(...alive)).toBeGreaterThan(Math.max(...ended));
        expect(Math.min(...alive)).toBeGreaterThanOrEqual(Date.parse(report.startedAt));
        expect(Math.min(...alive)).toBeLessThan(Date.parse(report.finishedAt));
        expect(await scene.crowd.count()).toBe(alive.length);
        expectUndisturbed(result, report);
      });

      it('--until-quiet ends those, too, once nobody comes any more', async () => {
        await using scene = await sceneOn(dialect, { sessions, slowly: true });
        const { result, report } = await during(scene, [...everyone, '--until-quiet'], 2500);
        expect(report).toMatchObject({ remaining: 0, arrivedLater: 0 });
        expect(report.matched).toBeGreaterThan(sessions);
        expect(await scene.crowd.count()).toBe(0);
        expectUndisturbed(result, report);
      });
    });
  }
});
