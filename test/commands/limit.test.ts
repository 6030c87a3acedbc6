import { expect, it } from 'vitest';
import { temporaryDirectory } from '../config/temporary-directory.ts';
import { runMain } from '../support/fake-system.ts';

it('names all that is missing at once where nobody can be asked', async () => {
  const { path: cwd } = temporaryDirectory();
  expect((await runMain(['demo', 'auth.db', '--users', '3', '--sessions', '9'], { cwd })).code).toBe(0);
  const limit = (...more: readonly string[]) =>
    runMain(['--url', 'sqlite:auth.db', 'limit', ...more], { cwd });
  expect(await limit()).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'error: no maximum number of sessions given, and this ends sessions and needs --yes when it cannot ask\nhint: Preview it with --dry-run, then give --max 5 --yes; instead of --max you can set maximum_sessions of [profiles.<name>.session] in the configuration.\n',
  });
  expect((await limit('--yes')).stderr).toBe(
    'error: no maximum number of sessions given\nhint: Give --max 5, or set maximum_sessions of [profiles.<name>.session] in the configuration.\n',
  );
  expect((await limit('--max', '5')).stderr).toMatch(/^error: this ends sessions and needs --yes/);
});

it('names the number that --max-affected would have to be', async () => {
  const { path: cwd } = temporaryDirectory();
  expect((await runMain(['demo', 'auth.db', '--users', '3', '--sessions', '9'], { cwd })).code).toBe(0);
  const words = ['--url', 'sqlite:auth.db', 'revoke-all', '--everyone', '--max-affected', '2'];
  const refused = await runMain([...words, '--yes', '-q'], { cwd, env: { XDG_STATE_HOME: cwd } });
  expect(refused.code).toBe(7);
  expect(refused.stderr.replace(/\s+/g, ' ')).toContain(
    '9 sessions match, and --max-affected allows 2; nothing was changed hint: Narrow the selection, or give --max-affected 9 if all of them are meant.',
  );
  const looked = await runMain([...words, '--dry-run'], { cwd });
  expect(looked.stderr.replace(/\s+/g, ' ')).toContain('would be refused; --max-affected 9 allows it');
});
