import headless from '@xterm/headless';
import { expect, vi } from 'vitest';
import { createPrompter, type Prompter } from '../../src/output/prompter.ts';
import type { TickChoice } from '../../src/output/tick-prompt.ts';
import { fakeSystem } from '../support/fake-system.ts';

export const UP = '\u001b[A';
export const DOWN = '\u001b[B';
export const BACKSPACE = '\u007f';
export const ESC = '\u001b';
export const ENTER = '\r';
export const CTRL_C = '\u0003';
export const CTRL_D = '\u0004';

export const sessions: readonly TickChoice<string>[] = [
  ['ada', 'QsFYstwy  ada@example.com   Chrome 142 on Linux'],
  ['ben', 'xOgyiLyo  ben@example.com   Firefox 144 on Windows'],
  ['cleo', '3IX3osH8  cleo@example.com  Chrome 142 on Windows'],
  ['dora', 'r4TgPz0q  dora@example.com  Safari 18 on iPhone'],
].map(([value = '', line = '']) => ({ value, line, searched: `${line} 203.0.113.7` }));

/** As many as there are letters for. */
export const many = (count: number): readonly TickChoice<number>[] =>
  Array.from({ length: count }, (_, value) => ({ value, line: `line ${String(value)}`, searched: '' }));

interface Size {
  readonly columns?: number;
  readonly rows?: number;
}

/** A person who asks something of the prompter, types, and looks at the screen. */
export function asking<Answer>(
  ask: (prompter: Prompter) => Promise<Answer>,
  { columns = 80, rows = 24 }: Size = {},
) {
  const stop = new AbortController();
  const fake = fakeSystem({ tty: { stdin: true, stderr: true }, columns, signal: stop.signal });
  // The real stderr is not closed when a prompt ends.
  Object.assign(fake.system.stderr, { rows, _isStdio: true });
  const answer = ask(createPrompter(fake.system));
  const screen = async () => {
    const terminal = new headless.Terminal({
      cols: columns || 80,
      rows: rows || 24,
      allowProposedApi: true,
      convertEol: true,
    });
    await new Promise<void>((resolve) => {
      terminal.write(fake.stderr(), resolve);
    });
    const buffer = terminal.buffer.active;
    const all = Array.from({ length: buffer.length }, (_, row) => buffer.getLine(row));
    const lines = all.map((line) => line?.translateToString(true) ?? '');
    while (lines.at(-1) === '') lines.pop();
    const wrapped = all.some((line) => line?.isWrapped === true);
    return { lines, wrapped, scrolled: buffer.baseY, cursor: [buffer.cursorY, buffer.cursorX] };
  };
  return {
    answer,
    type: (...keys: readonly string[]) => {
      for (const key of keys) fake.type(key);
    },
    screen,
    shows: (text: string | RegExp) =>
      vi.waitFor(async () => {
        expect((await screen()).lines.join('\n')).toMatch(text);
      }),
    abort: () => {
      stop.abort('SIGTERM');
    },
    written: fake.stderr,
  };
}

export const tickSessions = (size?: Size) =>
  asking((prompter) => prompter.tick('Which sessions should end?', sessions), size);
