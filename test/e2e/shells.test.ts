import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, inject, it } from 'vitest';
import { shellNames, type ShellName } from '../../src/completion/shells.ts';
import { bareEnvironment, binaryPath, runProgram } from '../support/run-sessionctl.ts';
import { describeUnless } from '../support/servers.ts';
import { runProgramInTerminal } from '../support/terminal.ts';

/** Lines as they are typed before the key for completion, and as they stand there afterwards. */
const lines: readonly (readonly [typed: string, completed: string])[] = [
  ['sessionctl revoke-a', 'sessionctl revoke-all '],
  ['sessionctl schema mi', 'sessionctl schema migrate '],
  ['sessionctl list --wi', 'sessionctl list --wide '],
  ['sessionctl list --state ex', 'sessionctl list --state expired '],
  ['sessionctl list --state=ex', 'sessionctl list --state=expired '],
  ['sessionctl list -o jsonl --sort userE', 'sessionctl list -o jsonl --sort userEmail'],
  ['sessionctl list --sort createdAt:a', 'sessionctl list --sort createdAt:asc '],
  ['sessionctl list --time-zone Europe/Hels', 'sessionctl list --time-zone Europe/Helsinki '],
  [
    'sessionctl --url postgres://a@b:5432/c list --impersonated-',
    'sessionctl --url postgres://a@b:5432/c list --impersonated-by ',
  ],
  [
    'sessionctl list --user ada@example.com --except-s',
    'sessionctl list --user ada@example.com --except-session ',
  ],
  ['sessionctl --profile stag', 'sessionctl --profile staging '],
  ['sessionctl --config other.toml --profile arch', 'sessionctl --config other.toml --profile archive '],
  ['sessionctl config check sess', 'sessionctl config check sessionctl.toml '],
  ['sessionctl sweep --metrics-file=oth', 'sessionctl sweep --metrics-file=other.toml '],
  ['sessionctl help sel', 'sessionctl help selection '],
  ['sessionctl completion fi', 'sessionctl completion fish '],
];

/** Lines in which nothing may run, and no file may change, before they are entered. */
const traps = [
  'sessionctl show $(touch trodden) --js',
  'sessionctl list > precious --us',
  "sessionctl list --user 'a; touch trodden' --js",
];

function workplace() {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), 'completion-'));
  mkdirSync(join(directory, 'bin'));
  symlinkSync(binaryPath, join(directory, 'bin', 'sessionctl'));
  const profile = (name: string) => `[profiles.${name}]\nurl = "sqlite:nowhere.db"\n`;
  writeFileSync(join(directory, 'sessionctl.toml'), profile('staging') + profile('production'));
  writeFileSync(join(directory, 'other.toml'), profile('archive'));
  writeFileSync(join(directory, 'precious'), 'kept');
  const env = { PATH: `${join(directory, 'bin')}:${bareEnvironment['PATH'] ?? ''}`, HOME: directory };
  return { directory, env };
}

function isUnharmed(directory: string): boolean {
  return (
    !existsSync(join(directory, 'trodden')) && readFileSync(join(directory, 'precious'), 'utf8') === 'kept'
  );
}

const starting: Readonly<Record<Exclude<ShellName, 'fish'>, { args: readonly string[]; first: string }>> = {
  bash: { args: ['--norc', '--noprofile', '-i'], first: "PS1='@ '" },
  zsh: { args: ['-f', '-i'], first: "PS1='@ '; unsetopt prompt_sp; autoload -Uz compinit; compinit -u -D" },
};

describe.concurrent('completion', () => {
  describeUnless(missing('bash'), 'in bash', () => {
    inTerminal('bash');
  });
  describeUnless(missing('zsh'), 'in zsh', () => {
    inTerminal('zsh');
  });
  describeUnless(missing('fish'), 'in fish', inFish);
});

function inTerminal(shell: keyof typeof starting): void {
  it('completes what stands in the line, and runs nothing of it', async () => {
    const { directory, env } = workplace();
    const { args, first } = starting[shell];
    const terminal = runProgramInTerminal(shell, args, { columns: 120, cwd: directory, env });
    const lastLine = async () => (await terminal.screen()).lines.at(-1) ?? '';
    terminal.type(`${first}\r`);
    terminal.type(`source <(sessionctl completion ${shell}); clear; echo ready\r`);
    await terminal.shows(/^ready$/m);
    for (const [typed, completed] of lines) {
      terminal.type(`${typed}\t`);
      await terminal.shows(`@ ${completed.trimEnd()}`);
      // What follows at once, such as a space, is another write.
      if (completed.endsWith(' ')) {
        terminal.type('.');
        await terminal.shows(`@ ${completed}.`);
      }
      terminal.type('\u0015');
    }
    for (const line of traps) {
      terminal.type(`${line}\t`);
      const option = line.endsWith('--us') ? '--user' : '--json';
      await terminal.shows(line.replace(/--\w+$/, option));
      terminal.type('\u0015');
    }
    await wait(50);
    expect(await lastLine()).toMatch(/^@\s*$/);
    expect(isUnharmed(directory)).toBe(true);
    terminal.type('exit\r');
    await terminal.ended;
  });
}

function inFish(): void {
  it('offers what completes the line, with what it means, and runs nothing of it', async () => {
    const { directory, env } = workplace();
    const asked = [...lines.map(([typed]) => typed), ...traps, 'sessionctl list --us'];
    const commands = asked.map((line) => `complete -C ${fishWord(line)}; echo @@`);
    const script = ['sessionctl completion fish | source', ...commands].join('\n');
    const { code, stdout, stderr } = await runProgram('fish', ['--no-config', '-c', script], {
      cwd: directory,
      env,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answers = stdout.split('@@\n').slice(0, -1);
    expect(answers).toHaveLength(asked.length);
    for (const [at, [typed, completed]] of lines.entries()) {
      const [last = ''] = completed.trimEnd().split(' ').slice(-1);
      expect(answers[at], typed).toMatch(new RegExp(`^${last}(\\t|$)`, 'm'));
    }
    expect(answers.at(-1)).toMatch(/^--user\tof this user \(repeatable\)$/m);
    expect(isUnharmed(directory)).toBe(true);
  });
}

it('has a script for each shell, which the shell itself takes for one', async () => {
  for (const shell of shellNames) {
    if (missing(shell) !== undefined) continue;
    const { directory, env } = workplace();
    const line = `sessionctl completion ${shell} > script && ${shell} -n script`;
    const { code, stderr } = await runProgram('bash', ['-c', line], { cwd: directory, env });
    expect({ shell, code, stderr }).toEqual({ shell, code: 0, stderr: '' });
  }
});

function missing(shell: ShellName): string | undefined {
  const isThere = spawnSync(shell, ['--version'], { stdio: 'ignore' }).status === 0;
  if (!isThere && process.env['SESSIONCTL_REQUIRE_SERVERS'] === '1')
    throw new Error(`${shell} is missing: install it, as .ci/servers does`);
  return isThere ? undefined : `${shell} is not installed`;
}

function fishWord(text: string): string {
  return `'${text.replace(/[\\']/g, String.raw`\$&`)}'`;
}
