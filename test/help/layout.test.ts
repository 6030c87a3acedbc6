import { describe, expect, it } from 'vitest';
import { exitCodeMeanings } from '../../src/help/exit-codes.ts';
import { topicNames, topicSummaries } from '../../src/help/topic-names.ts';
import { loadDefinitions } from '../../src/commands/catalogue.ts';
import { runMain, type FakeSystemOptions } from '../support/fake-system.ts';

const definitions = await loadDefinitions();
const commands = definitions.map(({ words }) => words);
const everything = [['--help'], ...commands.map((words) => [...words, '--help'])].concat(
  topicNames.map((name) => ['help', name]),
);
const escape = '\u001b';

async function helpOf(words: readonly string[], options: FakeSystemOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runMain(words, options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

describe.each(everything)('%s %s %s', (...words) => {
  it('keeps to eighty columns in a pipe, plain and without spaces at the end of a line', async () => {
    const text = await helpOf(words, { env: { TERM: 'xterm-256color' } });
    expect(widest(text)).toBeLessThanOrEqual(80);
    expect(text).not.toContain(escape);
    expect(text).not.toMatch(/ $/m);
    expect(text).not.toMatch(/\n\n\n/);
    expect(text).toMatch(/[^\n]\n$/);
  });

  it('has the lines of a narrow terminal, and of a wide one no longer ones than can be read', async () => {
    const at = (columns: number) =>
      helpOf(words, { columns, tty: { stdout: true }, env: { NO_COLOR: '1', TERM: 'xterm' } });
    expect(widest(await at(60))).toBeLessThanOrEqual(60);
    const wide = widest(await at(200));
    expect(wide).toBeGreaterThan(50);
    expect(wide).toBeLessThanOrEqual(100);
  });
});

describe('the style of help', () => {
  const terminal = { tty: { stdout: true } };

  it.each([[['--help']], [['list', '--help']], [['help', 'time']]])(
    '%j is bold where it can be',
    async (words) => {
      const styled = await helpOf(words, { ...terminal, env: { TERM: 'xterm' } });
      expect(styled).toContain(`${escape}[1m`);
      const plain = await Promise.all([
        helpOf([...words, '--no-color'], { ...terminal, env: { TERM: 'xterm' } }),
        helpOf(words, { ...terminal, env: { TERM: 'xterm', NO_COLOR: '1' } }),
        helpOf(words, { ...terminal, env: { TERM: 'dumb' } }),
      ]);
      for (const text of plain) expect(text).not.toContain(escape);
    },
  );
});

describe('what help says', () => {
  it.each(definitions)('of $words', async ({ words, summary, examples, exitCodes, formats }) => {
    const text = (await helpOf([...words, '--help'])).replace(/\s+/g, ' ');
    expect(text).toContain(`Usage: sessionctl ${words.join(' ')}`);
    expect(text).toContain(summary);
    expect(summary).not.toMatch(/\.$|\n/);
    expect(examples.length).toBeGreaterThan(0);
    for (const [line, purpose] of examples) {
      const unbroken = text.replaceAll(' # ', ' ').replaceAll(' \\ ', ' ');
      expect(unbroken).toContain(`${purpose} ${line}`);
    }
    const [, codes = ''] = text.split('Exit codes:');
    expect(exitCodes).toEqual(expect.arrayContaining([0, 1, 2]));
    for (const code of Object.keys(exitCodeMeanings))
      expect(new RegExp(` ${code} +\\D`).test(codes), code).toBe(exitCodes.includes(Number(code) as 0));
    if (formats.length > 0) expect(text).toContain(`--output <${formats.join('|')}>`);
  });

  it('is found from the top: every command, every topic', async () => {
    const text = await helpOf(['--help']);
    for (const [first] of commands) expect(text).toMatch(new RegExp(`^  ${first ?? ''} `, 'm'));
    for (const [name, summary] of Object.entries(topicSummaries))
      expect(text).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
    expect(await helpOf(['help'])).toBe(text);
    expect(await helpOf(['list', '--help'])).toBe(await helpOf(['help', 'list']));
  });
});

describe('a format that a command does not have', () => {
  it.each(definitions.filter(({ formats }) => formats.length > 0))('$words', async ({ words, formats }) => {
    const operands = words[0] === 'show' ? ['QsFYstwy'] : [];
    const required = ['revoke', 'schema', 'create'].includes(words[0] ?? '') ? ['--dry-run'] : [];
    const typed = [...words, ...operands, ...(words[1] === 'status' ? [] : required), '-o', 'jsn'];
    const { code, stderr } = await runMain(['--url', 'sqlite:none.db', ...typed]);
    expect(code).toBe(2);
    expect(stderr).toContain(`Did you mean json? Use one of ${formats.join(', ')}.`);
  });
});

it.each([
  [['help', 'tim'], 'time'],
  [['help', 'exit-code'], 'exit-codes'],
  [['help', 'revok'], 'revoke'],
  [['help', 'config', 'sho'], 'show'],
])('%j suggests %s', async (words, near) => {
  const { code, stderr } = await runMain(words);
  expect(code).toBe(2);
  expect(stderr).toContain(`hint: Did you mean ${near}? Use one of `);
});
