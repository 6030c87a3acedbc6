import { Command } from 'commander';
import { expect, it } from 'vitest';
import { loadDefinitions } from '../../src/commands/catalogue.ts';
import { runMain } from '../support/fake-system.ts';

const definitions = await loadDefinitions();
const globalOptions = ['--profile', '--config', '--url', '--time-zone', '--output'];

const valued = definitions.flatMap(({ words, configure }) => {
  const { options } = configure(new Command());
  const own = options.filter(({ required }) => required).map(({ long }) => long ?? '');
  return [...globalOptions, ...own].map((option) => [words.join(' '), option] as const);
});

it.each(valued)(
  'an option where %s %s expects its value is refused, unless it is written in one word',
  async (command, option) => {
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
  },
);
