import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';

/** What bash is offered for the last of the words. */
async function offered(words: readonly string[], cwd?: string): Promise<readonly string[]> {
  const options = cwd === undefined ? {} : { cwd };
  const { code, stdout, stderr } = await runMain(['completion', 'bash', '--', ...words], options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout === '' ? [] : stdout.split('\n');
}

function directoryWith(text: string | undefined): string {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), 'suggest-'));
  if (text !== undefined) writeFileSync(join(directory, 'sessionctl.toml'), text);
  return directory;
}

describe('what is offered', () => {
  it.each([
    [['re'], ['revoke', 'revoke-all']],
    [
      ['config', ''],
      ['init', 'show', 'path', 'check'],
    ],
    [
      ['list', '--state', ''],
      ['active', 'expired', 'all'],
    ],
    [
      ['list', '-o', ''],
      ['table', 'json', 'jsonl', 'csv', 'ids', 'count'],
    ],
    [
      ['history', '--output', ''],
      ['table', 'json', 'jsonl', 'csv'],
    ],
    [
      ['sweep', '--output='],
      ['--output=table', '--output=json'],
    ],
    [['sweep', '--offline', '--o'], ['--output']],
    [
      ['list', '--user', 'a', '--us'],
      ['--user', '--user-agent'],
    ],
    [['list', '--sort', 'u'], ['updatedAt', 'userId', 'userEmail', 'userAgent'].flatMap(withDirections)],
    [['help', 't'], ['time']],
    [['help', 'config', 's'], []],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['completion', 'bash', ''], []],
    [['show', ''], []],
    [['revoke', 'a', ''], []],
    [['list', '--user', ''], []],
    [['list', '--', '--st'], []],
    [['nosuch', '--st'], []],
    [['config', 'check', ''], ['__FILE__:any:::0']],
    [['config', 'check', 'a.toml', ''], []],
    [[], definitionsAtTop()],
  ])('%j', async (words, wanted) => {
    expect(await offered(words)).toEqual(wanted);
  });

  it('is a long option, once but for those that may be repeated, and never the version of a command', async () => {
    const options = await offered(['list', '--wide', '--user', 'a', '-']);
    expect(options).toContain('--user');
    expect(options).toContain('--profile');
    expect(options).toContain('--help');
    expect(options).not.toContain('--wide');
    expect(options).not.toContain('--version');
  });
});

describe('profiles', () => {
  it.each([
    ['[profiles.one]\nurl = "sqlite:a"\n[profiles.two]\nurl = "sqlite:b"\n', ['one', 'two']],
    ['[profiles."o\\u001b[31m"]\n[profiles."a b"]\n[profiles.fine]\n', ['fine']],
    ['[profiles.wrong]\nnosuch = 1\n', ['wrong']],
    ['[profiles.one\n', []],
    ['profiles = 3\n', []],
    ['', []],
    [undefined, []],
  ])('of %j', async (text, wanted) => {
    expect(await offered(['--profile', ''], directoryWith(text))).toEqual(wanted);
    expect(await offered(['list', '--profile='], directoryWith(text))).toEqual(
      wanted.map((name) => `--profile=${name}`),
    );
  });

  it('of a file that is not there are none', async () => {
    expect(await offered(['--config', 'nosuch.toml', '--profile', ''])).toEqual([]);
  });

  it('never show what a file holds', async () => {
    const secret = 'postgres://app:hunter2@db.example.com/app';
    const directory = directoryWith(`[profiles.one]\nurl = "${secret}"\n`);
    for (const words of [['--profile', ''], ['--url', ''], ['--url', 'post'], ['']])
      expect((await offered(words, directory)).join()).not.toContain('hunter2');
  });
});

it.each([
  [['completion', 'bsh'], 'Did you mean bash? Use one of bash, zsh, fish.'],
  [['completion', 'fish', '-o', 'csv'], 'Remove --output and --json.'],
])('%j is refused', async (words, hint) => {
  const { code, stdout, stderr } = await runMain(words);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`hint: ${hint}\n`);
});

function withDirections(field: string): readonly string[] {
  return [field, `${field}:asc`, `${field}:desc`];
}

function definitionsAtTop(): readonly string[] {
  return 'list stats show verify create revoke revoke-all limit sweep doctor history config schema completion demo help'.split(
    ' ',
  );
}
