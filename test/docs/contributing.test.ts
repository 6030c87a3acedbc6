import { cp, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { signIn, signUp } from '../support/app.ts';
import { runProgram } from '../support/run-sessionctl.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, plainShape } from '../support/shapes.ts';
import { areIn } from '../support/sweeping.ts';

const root = join(import.meta.dirname, '../..');

/** Its diffs are applied to a copy of the program, which is then checked and built. */
describe('what CONTRIBUTING.md adds', () => {
  let copy = '';
  const run = async (program: string, ...words: readonly string[]): Promise<string> => {
    const options = { cwd: copy, env: { HOME: copy } };
    const { code, stdout, stderr } = await runProgram(program, words, options);
    expect(code, `${words.join(' ')}\n${stdout}${stderr}`).toBe(0);
    return stdout;
  };
  const sessionctl = (...words: readonly string[]) => run(process.execPath, 'bin/sessionctl.js', ...words);

  beforeAll(async () => {
    copy = await mkdtemp(join(inject('temporaryDirectory'), 'copy-'));
    for (const name of [
      'src',
      'bin',
      'package.json',
      'tsconfig.json',
      'bundle.js',
      'bundle-notices.js',
      'LICENSE',
    ])
      await cp(join(root, name), join(copy, name), { recursive: true });
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
    const text = await readFile(join(root, 'CONTRIBUTING.md'), 'utf8');
    const diffs = [...text.matchAll(/^```diff\n(.*?)^```$/gms)].map(([, diff = '']) => diff);
    expect(diffs).toHaveLength(3);
    for (const diff of diffs) {
      await writeFile(join(copy, 'one.diff'), diff);
      await run('git', 'apply', '-C1', 'one.diff');
    }
    // Without the cache of compiled types, which belongs to the repository.
    await run(process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.', '--incremental', 'false');
    await run(process.execPath, 'bundle.js');
    await sessionctl('demo', 'demo.db', '--users', '20', '--sessions', '100');
  });

  it('is a command, with its help', async () => {
    const ids = await sessionctl('--url', 'sqlite:demo.db', 'list', '-o', 'ids');
    const count = await sessionctl('--url', 'sqlite:demo.db', 'count');
    expect(Number(count)).toBe(ids.trim().split('\n').length);
    expect(await sessionctl('count', '--help')).toContain('Count the sessions of one network');
  });

  it('is a format', async () => {
    const users = await sessionctl('--url', 'sqlite:demo.db', 'list', '-o', 'users');
    const listed = JSON.parse(await sessionctl('--url', 'sqlite:demo.db', 'list', '--json')) as {
      readonly userId: string;
    }[];
    expect(users.trim().split('\n').sort()).toEqual(listed.map(({ userId }) => userId).sort());
  });

  describeOn('postgresql', 'is a dialect', () => {
    it('that lists and ends sessions', async () => {
      const deployment = await deploy(plainShape('postgresql'));
      onTestFinished(() => deployment.database.drop());
      const ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
      const one = await signIn(deployment.app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
      expect(await areIn(deployment, [one])).toEqual([true]);
      const url = deployment.database.url.replace(/^postgres(?:ql)?:/, 'cockroachdb:');
      const report = await sessionctl('--url', url, 'revoke-all', '--ip', '192.0.2.1', '--yes', '--json');
      expect(JSON.parse(report)).toMatchObject({ target: { dialect: 'cockroachdb' }, revoked: 1 });
      expect(await areIn(deployment, [one])).toEqual([false]);
    });
  });
});
