import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';
import { runInTerminal } from '../support/terminal.ts';

/** Nothing of what people put into a database: its names are in every script. */
const people = ['--users', '12', '--sessions', '60'];

describe('terminals that show little', () => {
  let directory: string;
  let url: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sessionctl-plain-'));
    url = `sqlite:${directory}/auth.db`;
    const made = await runMain(['demo', `${directory}/auth.db`, ...people]);
    expect(made.code, made.stderr).toBe(0);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  /** All that people wrote themselves taken away, what is left is sessionctl's own. */
  const own = (lines: readonly string[]) => lines.join('\n').replace(/[\p{L}\p{M}]/gu, 'x');

  it.each([
    ['TERM=dumb', { TERM: 'dumb' }],
    ['LANG=C', { LANG: 'C' }],
  ])('sees nothing but ASCII of sessionctl itself: %s', async (_title, env) => {
    const commands = [
      ['list'],
      ['stats'],
      ['doctor'],
      ['limit', '--max', '1', '--dry-run'],
      ['schema', 'status'],
      ['revoke', 'nosuchid'],
      [],
    ];
    for (const words of commands) {
      const { screen } = await runInTerminal(['--url', url, ...words], { columns: 60, env }).ended;
      expect(screen.lines.length, words.join(' ')).toBeGreaterThan(0);
      expect(own(screen.lines), words.join(' ')).toMatch(/^[\n -~]*$/);
    }
  });

  it.each([40, 80])('keeps to %i columns', async (columns) => {
    for (const words of [['list'], ['stats'], ['schema', 'status'], ['limit', '--max', '1', '--dry-run']]) {
      const { code, screen } = await runInTerminal(['--url', url, ...words], { columns }).ended;
      expect(code).toBe(0);
      expect(screen.wrapped, words.join(' ')).toEqual([]);
    }
    const { screen } = await runInTerminal(['--url', url, 'doctor'], { columns }).ended;
    // What is to be pasted is never broken.
    const broken = screen.lines.filter(
      (line, at) => screen.wrapped.includes(screen.lines[at + 1] ?? '') && !/^ {8}/.test(line),
    );
    expect(broken).toEqual([]);
  });

  it('asks line by line at a dumb terminal, without drawing', async () => {
    const env = { TERM: 'dumb' };
    const run = runInTerminal(['config', 'init', '--file', `${directory}/made.toml`], { columns: 80, env });
    await run.shows('Number:');
    run.type('4\r');
    await run.shows('URL (hidden');
    run.type(`${url}\r`);
    await run.shows('Name of the profile (default)');
    run.type('\r');
    await run.shows('Write ');
    run.type('y\r');
    const { code, screen } = await run.ended;
    expect(code, screen.lines.join('\n')).toBe(0);
    expect(screen.styled).toBe(false);
    expect(screen.lines.join('\n')).not.toMatch(/\(hidden.*auth\.db/);
  });

  it('Ctrl-C at a question of a dumb terminal ends with 130', async () => {
    const run = runInTerminal(['config', 'init'], { columns: 80, env: { TERM: 'dumb' } });
    await run.shows('Number:');
    run.type('\u0003');
    expect((await run.ended).code).toBe(130);
  });
});
