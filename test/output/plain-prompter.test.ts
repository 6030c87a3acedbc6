import { describe, expect, it } from 'vitest';
import { createPlainPrompter } from '../../src/output/plain-prompter.ts';
import type { Prompter } from '../../src/output/prompter.ts';
import { fakeSystem } from '../support/fake-system.ts';
import { until } from '../support/until.ts';

/** Somebody at a dumb terminal, who types each line once the question before it stands there. */
async function typing<Answer>(
  ask: (prompter: Prompter) => Promise<Answer>,
  lines: readonly string[],
  signal?: AbortSignal,
) {
  const fake = fakeSystem({
    env: { TERM: 'dumb' },
    tty: { stdin: true, stderr: true },
    ...(signal === undefined ? {} : { signal }),
  });
  const answer = ask(createPlainPrompter(fake.system));
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  answer.then(end, end);
  for (const line of lines) {
    const before = fake.stderr().length;
    fake.type(line);
    await until('an answer to what was typed', () =>
      Promise.resolve(isOver || fake.stderr().length > before),
    );
  }
  return { answer: await answer, stderr: fake.stderr() };
}

const choices = [
  { name: 'one', value: 1, description: 'the first' },
  { name: 'two', value: 2 },
];
const lines = ['a', 'b', 'c'].map((value) => ({ value, line: `line ${value}`, searched: value }));

describe('questions at a dumb terminal', () => {
  it.each<[string, (prompter: Prompter) => Promise<unknown>, readonly string[], unknown, string]>([
    ['confirm', (p) => p.confirm('Sure?', false), ['\n'], false, 'Sure? (y/N) '],
    [
      'confirm after a complaint',
      (p) => p.confirm('Sure?', true),
      ['what\n', 'yes\n'],
      true,
      'Sure? (Y/n) Type yes or no.\nSure? (Y/n) ',
    ],
    ['input', (p) => p.input('Name', { initial: 'x' }), ['\n'], 'x', 'Name (x) '],
    [
      'input that is judged',
      (p) => p.input('Name', { validate: (text) => (text === 'b' ? true : 'Not that.') }),
      ['a\n', 'b\n'],
      'b',
      'Name Not that.\nName ',
    ],
    [
      'select',
      (p) => p.select('Which?', choices),
      ['3\n', '2\n'],
      2,
      'Which?\n  1. one: the first\n  2. two\nNumber: Type a number from 1 to 2.\nNumber: ',
    ],
    [
      'tick',
      (p) => p.tick('Which?', lines),
      ['\n', '3, 1\n'],
      ['a', 'c'],
      'Which?\n  1. line a\n  2. line b\n  3. line c\nNumbers, with spaces between: No number given: type at least one.\nNumbers, with spaces between: ',
    ],
    ['tick, never more than is named', (p) => p.tick('Which?', lines), ['1-3\n', '2\n'], ['b'], ''],
    [
      'typeNumber',
      (p) => p.typeNumber('Type 1200', 1200),
      ['12\n', '1,200\n'],
      true,
      'Type 1200 Type 1,200 to continue, or press Enter to stop.\nType 1200 ',
    ],
    ['typeNumber refused', (p) => p.typeNumber('Type 1200', 1200), ['no\n'], false, 'Type 1200 '],
    ['password, not shown', (p) => p.password('URL'), ['hunter2\n'], 'hunter2', 'URL \n'],
  ])('%s', async (_title, ask, typed, expected, shown) => {
    const { answer, stderr } = await typing(ask, typed);
    expect(answer).toEqual(expected);
    if (shown !== '') expect(stderr).toBe(shown);
    expect(stderr).toMatch(/^[\n -~]*$/);
  });

  it('is cancelled by a signal', async () => {
    const stop = new AbortController();
    const asked = typing((prompter) => prompter.confirm('Sure?', true), [], stop.signal);
    stop.abort('SIGINT');
    await expect(asked).rejects.toThrow('cancelled, nothing was changed');
  });

  it('is cancelled where the terminal ends', async () => {
    const fake = fakeSystem({ env: { TERM: 'dumb' }, tty: { stderr: true } });
    await expect(createPlainPrompter(fake.system).input('Name')).rejects.toThrow('cancelled');
  });
});
