import { expect, it } from 'vitest';
import { temporaryDirectory } from '../config/temporary-directory.ts';
import { runMain } from '../support/fake-system.ts';

it('draws the days that sign-ins are selected from, and none beyond', async () => {
  const { path: cwd } = temporaryDirectory();
  expect((await runMain(['demo', 'auth.db'], { cwd })).code).toBe(0);
  const days = async (...words: readonly string[]) => {
    const { stdout } = await runMain(['--url', 'sqlite:auth.db', 'stats', '--state', 'all', ...words], {
      cwd,
    });
    const [, section = ''] = /Sign-ins by day \(UTC\)\n((?: {2}.*\n)*)/.exec(stdout) ?? [];
    return [...section.matchAll(/^ {2}(\d{4}-\d\d-\d\d) /gm)].map(([, day]) => day);
  };
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  expect(await days()).toEqual(Array.from({ length: 14 }, (_, at) => day(13 - at)));
  expect(await days('--created-after', day(2))).toEqual([day(2), day(1), day(0)]);
  expect(await days('--created-after', day(30))).toHaveLength(14);
  expect(await days('--created-after', day(5), '--created-before', `${day(3)}T12:00:00Z`)).toEqual([
    day(5),
    day(4),
    day(3),
  ]);
});
