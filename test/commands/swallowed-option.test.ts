import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/commands/catalogue.ts';
import { runMain } from '../support/fake-system.ts';

const definitions = await loadDefinitions();
const globalOptions = ['--profile', '--config', '--url', '--time-zone', '--output'];

const valued = definitions.flatMap(({ words, configure }) => {
  const { options } = configure(new Command());
  const own = options.filter(({ required }) => required).map(({ long }) => long ?? '');
  return [...globalOptions, ...own].map((option) => [words.join(' '), option] as const);
});

describe('an option that stands where another one expects its value', () => {
  it.each(valued)('%s %s is refused, unless it is written in one word', async (command, option) => {
    const words = command.split(' ');
    for (const swallowed of ['--dry-run', '--yes', '--no-such-option', '--', '-q', '-qv', '-h', '-ojson']) {
      for (const argv of [
        [...words, option, swallowed, '--json'],
        [option, swallowed, ...words, '--json'],
      ]) {
        const { code, stdout, stderr } = await runMain(argv);
        expect({ code, stdout }, argv.join(' ')).toEqual({ code: 2, stdout: '' });
        expect(stderr).toContain(`${option} has no value: '${swallowed}' follows it`);
        expect(stderr).toContain(`write ${option}=${swallowed}`);
      }
    }
    const meant = await runMain(
      [...words, `${option}=--dry-run`, '--no-input', '--url=sqlite:/nowhere/a.db'],
      // Some would make a file of that name.
      { cwd: '/nowhere' },
    );
    expect(meant.stderr).not.toContain('has no value');
  });

  it('is found behind short options, too', async () => {
    for (const short of ['-o', '-qo']) {
      const { code, stderr } = await runMain(['list', short, '--no-input']);
      expect(code).toBe(2);
      expect(stderr).toContain("--output has no value: '--no-input' follows it");
    }
  });

  it('does not end sessions as in `--reason $EMPTY --dry-run --yes`', async () => {
    const words = ['revoke-all', '--user-agent', 'Firefox', '--reason', '--dry-run', '--yes'];
    const { code, stderr } = await runMain(['--url', 'sqlite:/nowhere/a.db', ...words]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "error: --reason has no value: '--dry-run' follows it\n" +
        "hint: Was a variable empty? If '--dry-run' is the value, write --reason=--dry-run. Nothing was changed.\n",
    );
  });

  it('does not keep an id from beginning with a dash', async () => {
    for (const id of ['-oV1StGXR8Z5jdHi6BmyT', '-qx', '-1', '_-h']) {
      const { stderr } = await runMain(['--url', 'sqlite:/nowhere/a.db', 'list', '--user', id]);
      expect(stderr).not.toContain('has no value');
    }
  });

  it('means something else behind --', async () => {
    const words = ['--url', 'sqlite:/nowhere/a.db', 'revoke', '--yes', '--', '--reason', '--dry-run'];
    expect((await runMain(words)).stderr).not.toContain('has no value');
  });
});
