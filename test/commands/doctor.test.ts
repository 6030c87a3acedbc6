import { expect, it } from 'vitest';
import { temporaryDirectory } from '../config/temporary-directory.ts';
import { runMain } from '../support/fake-system.ts';

it('points to config init where there is no configuration', async () => {
  const { path: cwd, write } = temporaryDirectory();
  expect((await runMain(['demo', 'auth.db', '--users', '3', '--sessions', '9'], { cwd })).code).toBe(0);
  const results = async (env: Readonly<Record<string, string>>) => {
    const { stdout } = await runMain(['doctor', '--json'], { cwd, env });
    const { checks } = JSON.parse(stdout) as { checks: readonly { id: string; result: string }[] };
    return Object.fromEntries(checks.map(({ id, result }) => [id, result]));
  };
  expect(await results({ DATABASE_URL: 'sqlite:auth.db' })).toMatchObject({
    'config-permissions': 'no configuration file is in use; create one with `sessionctl config init`',
    'cookie-cache': expect.stringMatching(/takes effect at once; `sessionctl config init` reads/) as unknown,
  });
  write('sessionctl.toml', '[profiles.a]\nurl = "sqlite:auth.db"\n');
  expect(await results({})).toMatchObject({
    'cookie-cache': expect.stringMatching(/takes effect at once$/) as unknown,
  });
  const nothing = await runMain(['doctor'], { cwd: temporaryDirectory().path });
  expect(nothing).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('`sessionctl config init`') as unknown,
  });
});
