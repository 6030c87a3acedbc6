import { chmod, chown, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { runProgram } from '../support/run-sessionctl.ts';
import { processesOf, readPlan, type InstalledNode } from './plan.ts';

const plan = readPlan();
// Each process runs this file, and one of them is enough.
const isFirst = process.env['SESSIONCTL_COMPAT_PROCESS'] === String(processesOf(plan).length - 1);

interface Home {
  readonly path: string;
  readonly run: (
    env?: Readonly<Record<string, string>>,
    words?: readonly string[],
  ) => ReturnType<typeof runProgram>;
}

async function homeOn(node: InstalledNode): Promise<Home> {
  const path = await mkdtemp(join(inject('temporaryDirectory'), 'cache-'));
  const program = join(node.sessionctl, 'node_modules/sessionctl/bin/sessionctl.js');
  return {
    path,
    // An empty variable counts as unset.
    run: (env = {}, words = ['help', 'list']) =>
      runProgram(join(node.path, 'node'), [program, ...words], {
        env: { HOME: path, XDG_CACHE_HOME: '', ...env },
      }),
  };
}

const withCache = plan.nodes.filter(({ major }) => Number(major) >= 22);
const withoutCache = plan.nodes.filter(({ major }) => Number(major) < 22);

describe.runIf(isFirst)('the compiled program', () => {
  it.each(withoutCache)('is not kept by Node $major', async (node) => {
    const home = await homeOn(node);
    expect(await home.run()).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(home.path)).toEqual([]);
  });

  describe.each(withCache)('on Node $major', (node) => {
    it('is kept in the cache directory of the user', async () => {
      const home = await homeOn(node);
      const first = await home.run();
      expect(first).toMatchObject({ code: 0, stderr: '' });
      expect(
        (await readdir(join(home.path, '.cache/sessionctl'), { recursive: true })).length,
      ).toBeGreaterThan(5);
      expect(await home.run()).toEqual(first);
    });

    it('is kept in XDG_CACHE_HOME, if that is an absolute path', async () => {
      const home = await homeOn(node);
      const other = await homeOn(node);
      await home.run({ XDG_CACHE_HOME: other.path });
      expect(await readdir(home.path)).toEqual([]);
      expect(await readdir(other.path)).toEqual(['sessionctl']);
      await home.run({ XDG_CACHE_HOME: 'relative' });
      expect(await readdir(home.path)).toEqual(['.cache']);
    });

    it('is kept nowhere without a home, or if Node is told so', async () => {
      const home = await homeOn(node);
      expect((await home.run({ NODE_DISABLE_COMPILE_CACHE: '1' })).code).toBe(0);
      expect((await home.run({ HOME: join(home.path, 'nobody', 'home') })).code).toBe(0);
      expect((await home.run({ HOME: '' })).code).toBe(0);
      expect(await readdir(home.path)).toEqual([]);
    });

    it('is not read where others may write', async () => {
      const home = await homeOn(node);
      await chmod(home.path, 0o777);
      expect((await home.run()).code).toBe(0);
      await chmod(home.path, 0o755);
      // As with sudo, which may keep the HOME of the user who calls it.
      await chown(home.path, 65534, 65534);
      expect((await home.run()).code).toBe(0);
      expect(await readdir(home.path)).toEqual([]);
    });

    it('is not needed: the command does what it does', async () => {
      const home = await homeOn(node);
      await writeFile(join(home.path, '.cache'), '');
      expect(await home.run()).toMatchObject({ code: 0, stderr: '' });
    });

    it('still says where an error comes from', async () => {
      const home = await homeOn(node);
      const fail = () => home.run({}, ['list', '--url', 'sqlite:/missing/auth.db', '--verbose']);
      const first = await fail();
      expect(first.stderr).toMatch(/ at .*dist[/\\][\w-]+\.cjs:\d+:\d+/);
      expect(await fail()).toEqual(first);
    });
  });
});
