import { expect, it } from 'vitest';
import { sceneOn } from '../../support/scene.ts';

/** No file may grow beyond so many KiB, nor be written behind them, as where the disk has no room. */
const withoutRoom = (kibibytes: number) => [
  'bash',
  '-c',
  `ulimit -f ${String(kibibytes)}; exec "$@"`,
  'bash',
];

it.skipIf(process.platform === 'win32')(
  'SQLite, where the disk is full: nothing is half done, and the next run finishes',
  async () => {
    await using scene = await sceneOn('sqlite', { sessions: 10_000, expired: true });
    const ran = await scene.run(['sweep'], { through: withoutRoom(200) });
    expect(ran.code, ran.stderr).toBe(4);
    expect(ran.stdout).toMatch(/^failed: 0 expired sessions deleted, what is left was not counted/);
    expect(ran.stderr).toMatch(/auth\.db.*(?:disk|I\/O)/);
    expect(ran.stderr).toMatch(/0 expired sessions had been deleted by then/);
    expect(await scene.crowd.halfDone()).toEqual([]);
    expect(await scene.crowd.count()).toBe(10_000);

    const next = await scene.runHere(['sweep']);
    expect(next.code, next.stderr).toBe(0);
    expect(next.stdout).toMatch(/^complete: 10,000 expired sessions deleted, 0 left/);
    expect((await scene.history()).map(({ outcome }) => outcome)).toEqual(['failed', 'complete']);
  },
);
