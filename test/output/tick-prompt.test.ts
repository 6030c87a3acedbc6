import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../src/errors.ts';
import type { Prompter } from '../../src/output/prompter.ts';
import {
  UP,
  DOWN,
  BACKSPACE,
  ESC,
  ENTER,
  CTRL_C,
  CTRL_D,
  sessions,
  many,
  asking,
  tickSessions,
} from './asking.ts';

describe('tick', () => {
  it('shows the choices, of which none is ticked', async () => {
    const { type, screen, answer } = tickSessions();
    expect(await screen()).toEqual({
      lines: [
        '? Which sessions should end?',
        '> [ ] QsFYstwy  ada@example.com   Chrome 142 on Linux',
        '  [ ] xOgyiLyo  ben@example.com   Firefox 144 on Windows',
        '  [ ] 3IX3osH8  cleo@example.com  Chrome 142 on Windows',
        '  [ ] r4TgPz0q  dora@example.com  Safari 18 on iPhone',
        '0 ticked; lines 1 to 4 of 4',
        '↑↓ move, space ticks, type to filter, tab next word, esc clears, enter accepts',
      ],
      wrapped: false,
      scrolled: 0,
      cursor: [0, '? Which sessions should end? '.length],
    });
    type(CTRL_C);
    await expect(answer).rejects.toThrow(CancelledError);
  });

  it('gives what was ticked, in the order of the choices, and leaves one line', async () => {
    const { type, screen, answer } = tickSessions();
    type(DOWN, DOWN, ' ', UP, UP, ' ');
    // What is typed on goes nowhere.
    type(`${ENTER} x`);
    expect(await answer).toEqual(['ada', 'cleo']);
    expect((await screen()).lines).toEqual(['✔ Which sessions should end? 2 ticked']);
  });

  it('unticks with the same key', async () => {
    const { type, answer } = tickSessions();
    type(' ', DOWN, ' ', UP, ' ', ENTER);
    expect(await answer).toEqual(['ben']);
  });

  it('stops at both ends', async () => {
    const { type, answer } = tickSessions();
    type(UP, UP, ' ', ...Array.from({ length: 9 }, () => DOWN), ' ', UP, ' ', ENTER);
    expect(await answer).toEqual(['ada', 'cleo', 'dora']);
  });

  it.each([
    ['chrome', ['QsFYstwy', '3IX3osH8']],
    ['WINDOWS', ['xOgyiLyo', '3IX3osH8']],
    ['windows\tchro', ['3IX3osH8']],
    ['\tchrome\t\t', ['QsFYstwy', '3IX3osH8']],
    ['203.0.113.7', ['QsFYstwy', 'xOgyiLyo', '3IX3osH8', 'r4TgPz0q']],
    ['nobody', []],
    [`windowsX${BACKSPACE}`, ['xOgyiLyo', '3IX3osH8']],
    [`nobody${BACKSPACE.repeat(6)}`, ['QsFYstwy', 'xOgyiLyo', '3IX3osH8', 'r4TgPz0q']],
    [`dora${UP}${DOWN}`, ['r4TgPz0q']],
    ['dora\u001bx', ['QsFYstwy', 'xOgyiLyo', '3IX3osH8', 'r4TgPz0q']],
  ])('after %j shows the lines of %j', async (keys, ids) => {
    const { type, screen, answer } = tickSessions();
    type(keys);
    const { lines } = await screen();
    expect(lines.flatMap((line) => /^[> ] \[ \] (\w+)/.exec(line)?.[1] ?? [])).toEqual(ids);
    // The pointer stands on one of them.
    expect(lines.filter((line) => line.startsWith('> ['))).toHaveLength(ids.length === 0 ? 0 : 1);
    type(CTRL_C);
    await expect(answer).rejects.toThrow(CancelledError);
  });

  it('says how many are ticked, also of those that are not shown', async () => {
    const { type, screen, shows, answer } = tickSessions();
    type(' ', DOWN, ' ', 'firefox');
    expect((await screen()).lines.slice(0, 3)).toEqual([
      '? Which sessions should end? firefox',
      '> [x] xOgyiLyo  ben@example.com   Firefox 144 on Windows',
      '2 ticked, 1 of them not shown; line 1 of 1 that matches',
    ]);
    type('!');
    expect((await screen()).lines.slice(1, 2)).toEqual(['2 ticked, 2 of them not shown; nothing matches']);
    type(' ', UP, DOWN, ESC);
    await shows(/^2 ticked; lines 1 to 4 of 4$/m);
    expect((await screen()).lines[0]).toBe('? Which sessions should end?');
    type(ENTER);
    expect(await answer).toEqual(['ada', 'ben']);
  });

  it('keeps the pointer on its line while others come and go', async () => {
    const { type, answer } = tickSessions();
    type(
      DOWN,
      DOWN,
      'windows',
      ' ',
      'x',
      BACKSPACE,
      ' ',
      BACKSPACE.repeat(7),
      'dora',
      ' ',
      `${ESC}z`,
      ' ',
      ' ',
    );
    type(ENTER);
    expect(await answer).toEqual(['dora']);
  });

  it('goes on after Enter with nothing ticked, and says so', async () => {
    const { type, screen, answer } = tickSessions();
    type('chrome', ENTER);
    let { lines } = await screen();
    expect(lines[0]).toBe('? Which sessions should end? chrome');
    expect(lines).toContain('> nothing is ticked: press space to tick the line at the pointer');
    type(UP);
    ({ lines } = await screen());
    expect(lines[0]).toBe('? Which sessions should end? chrome');
    expect(lines).not.toContain('> nothing is ticked: press space to tick the line at the pointer');
    type(DOWN, ' ', ENTER);
    expect(await answer).toEqual(['cleo']);
  });

  it('has no key but space that ticks', async () => {
    const { type, screen, answer } = tickSessions();
    const others = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter(
      (key) => !' \r\n\u0003\u0004\u001a\u001b'.includes(key),
    );
    type(
      ...others,
      ...['\u001b[C', '\u001b[D', '\u001b[H', '\u001b[F', '\u001b[2~', '\u001b[3~', '\u001bOP'],
    );
    expect((await screen()).lines.join('\n')).toMatch(/^0 ticked;/m);
    type(CTRL_C);
    await expect(answer).rejects.toThrow(CancelledError);
  });

  it('takes pasted text for words, and nothing in it for a key', async () => {
    const { type, screen, written, answer } = tickSessions();
    expect(written()).toContain('\u001b[?2004h');
    type('\u001b[200~x y\r\n\u001b[201~');
    expect((await screen()).lines.join('\n')).not.toContain('nothing is ticked');
    type(`${ESC}z`, ' ', DOWN, '\u001b[200~windows  chrome\r\n\u001b[201~');
    expect((await screen()).lines.slice(0, 3)).toEqual([
      '? Which sessions should end? windows  chrome',
      '> [ ] 3IX3osH8  cleo@example.com  Chrome 142 on Windows',
      '1 ticked, 1 of them not shown; line 1 of 1 that matches',
    ]);
    type(' ', ENTER);
    expect(await answer).toEqual(['ada', 'cleo']);
    expect(written().lastIndexOf('\u001b[?2004l')).toBeGreaterThan(written().lastIndexOf('\u001b[?2004h'));
  });

  it.each([' ', ENTER])('takes Esc with %j right behind it for Esc alone', async (key) => {
    const { type, screen, answer } = tickSessions();
    type(' ', 'firefox', `${ESC}${key}`);
    const { lines } = await screen();
    expect(lines[0]).toBe('? Which sessions should end?');
    expect(lines).toContain('1 ticked; lines 1 to 4 of 4');
    type(ENTER);
    expect(await answer).toEqual(['ada']);
  });

  it.each([
    [24, 10],
    [200, 10],
    [10, 6],
    [6, 2],
    [4, 1],
  ])('on %d rows shows %d lines, around the pointer', async (rows, page) => {
    const { type, screen, answer } = asking((prompter) => prompter.tick('Which?', many(40)), { rows });
    const shown = async () => {
      const { lines, scrolled } = await screen();
      expect(scrolled).toBe(0);
      return lines.flatMap((line) => /^[> ] \[[ x]\] line (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    };
    const from = (first: number) => Array.from({ length: page }, (_, index) => first + index);
    expect(await shown()).toEqual(from(0));
    type(' ', ...Array.from({ length: 20 }, () => DOWN));
    expect(await shown()).toEqual(from(20 - Math.floor(page / 2)));
    expect((await screen()).lines.join('\n')).toContain(
      `1 ticked, 1 of them not shown; ${page === 1 ? 'line' : 'lines'} `,
    );
    type(...Array.from({ length: 40 }, () => DOWN), ' ');
    expect(await shown()).toEqual(from(40 - page));
    type(ENTER);
    expect(await answer).toEqual([0, 39]);
  });

  it.each([20, 31, 40, 59])('breaks no line at %d columns', async (columns) => {
    const wide = sessions.map((one) => ({ ...one, line: `日本語 ${one.line}` }));
    const { type, screen, answer } = asking((prompter) => prompter.tick('Which sessions?', wide), {
      columns,
    });
    type(' ', DOWN, ' ', DOWN);
    const { lines, wrapped } = await screen();
    expect({ count: lines.length, wrapped }).toEqual({ count: 7, wrapped: false });
    expect(lines[1]).toMatch(/^ {2}\[x\] 日本語 .*…$/);
    expect(lines[5]).toMatch(/^2 ticked; /);
    type(ENTER);
    await answer;
    expect(await screen()).toMatchObject({
      wrapped: false,
      lines: [expect.stringMatching(/^✔ Which s.* 2 ticked$/)],
    });
  });

  it('is there for thousands, too', async () => {
    const { type, screen, answer } = asking((prompter) => prompter.tick('Which?', many(5000)));
    type(' ');
    expect((await screen()).lines).toContain('1 ticked; lines 1 to 10 of 5,000');
    type(ENTER);
    expect(await answer).toEqual([0]);
  });

  it('takes a terminal without a size for one of the usual', async () => {
    const { type, screen, answer } = tickSessions({ columns: 0, rows: 0 });
    const { lines } = await screen();
    expect(lines).toHaveLength(7);
    expect(lines[4]).toBe('  [ ] r4TgPz0q  dora@example.com  Safari 18 on iPhone');
    type(' ', ENTER);
    expect(await answer).toEqual(['ada']);
  });

  it('cuts a message that would not fit into the one line that is left', async () => {
    const message = 'Which of the sessions of ada.winter@example.com should end now?';
    const size = { columns: 40, rows: 8 };
    const { type, screen, answer } = asking((prompter) => prompter.tick(message, many(9)), size);
    // The message takes two rows of those that the lines have otherwise.
    expect((await screen()).lines.filter((line) => line.includes('[ ]'))).toHaveLength(3);
    type(' ', ENTER);
    await answer;
    expect((await screen()).lines).toEqual(['✔ Which of the sessions of ad… 1 ticked']);
  });

  it('shows nothing of the message that the terminal would obey', async () => {
    const { type, screen, answer } = asking((prompter) => prompter.tick('Which of a\u001b[2Jb?', sessions));
    expect((await screen()).lines[0]).toBe('? Which of a\\x1b[2Jb?');
    type(' ', ENTER);
    expect(await answer).toEqual(['ada']);
  });

  it('is cancelled by Ctrl-C and by a signal, whatever is ticked', async () => {
    for (const how of ['key', 'signal']) {
      const { type, abort, written, answer } = tickSessions();
      type(' ', 'fire');
      if (how === 'key') type(CTRL_C);
      else abort();
      await expect(answer).rejects.toThrow(CancelledError);
      expect(written().endsWith('\u001b[?2004l')).toBe(true);
    }
  });
});

describe('typeNumber', () => {
  const typing = () => asking((prompter) => prompter.typeNumber('Type the number of sessions:', 12_000));

  it.each(['12000', '12,000', '12.000', '12 000', '12_000', '12\u00a0000', ' 12000 '])(
    '%j is the number',
    async (text) => {
      const { type, answer } = typing();
      type(text, ENTER);
      expect(await answer).toBe(true);
    },
  );

  it.each(['', 'n', 'N', 'no', ' No '])('%j is a no', async (text) => {
    const { type, answer } = typing();
    type(text, ENTER);
    expect(await answer).toBe(false);
  });

  it.each([
    '1200',
    '120000',
    '12',
    '1,2000',
    '12,00,0',
    '12.000,',
    '12000.0',
    '012000',
    '-12000',
    '+12000',
    '12e3',
    'y',
    'yes',
    '12000 x',
  ])('%j is something else: it is asked again and says what is expected', async (text) => {
    const { type, shows, screen, answer } = typing();
    type(text, ENTER);
    await shows('> Type 12,000 to continue, or press Enter to stop.');
    expect((await screen()).lines[0]).toBe('? Type the number of sessions:');
    type('12,000', ENTER);
    expect(await answer).toBe(true);
  });

  it.each([
    ['12345678', true],
    ['12,345,678', true],
    ['12,345.678', false],
    ['12345,678', false],
    ['12,345678', false],
  ])('takes %s for 12,345,678: %s', async (text, expected) => {
    const { type, shows, answer } = asking((prompter) => prompter.typeNumber('How many?', 12_345_678));
    type(text, ENTER);
    if (!expected) {
      await shows('> Type 12,345,678');
      type(ENTER);
    }
    expect(await answer).toBe(expected);
  });

  it('shows nothing of the message that the terminal would obey', async () => {
    const { type, screen, answer } = asking((prompter) => prompter.typeNumber('End a\u001b[2Jb?', 1));
    expect((await screen()).lines).toEqual(['? End a\\x1b[2Jb?']);
    type('1', ENTER);
    expect(await answer).toBe(true);
  });

  it('asks again three times', async () => {
    const { type, shows, screen, answer } = typing();
    for (const wrong of ['1', '2', '3']) {
      type(wrong);
      await shows(`sessions: ${wrong}`);
      type(ENTER);
      await shows('> Type 12,000');
    }
    type('4');
    await shows('sessions: 4');
    type(ENTER);
    expect(await answer).toBe(false);
    expect((await screen()).lines).toEqual(['✔ Type the number of sessions: 4']);
  });

  it('is cancelled by Ctrl-C', async () => {
    const { type, answer } = typing();
    type('12000', CTRL_C);
    await expect(answer).rejects.toThrow(CancelledError);
  });
});

describe('Ctrl-D', () => {
  const questions: readonly (readonly [string, (prompter: Prompter) => Promise<unknown>])[] = [
    ['confirm', (prompter) => prompter.confirm('Sure?', true)],
    ['input', (prompter) => prompter.input('Name?')],
    ['password', (prompter) => prompter.password('Word?')],
    ['select', (prompter) => prompter.select('Which?', [{ name: 'one', value: 1 }])],
    ['tick', (prompter) => prompter.tick('Which?', sessions)],
    ['typeNumber', (prompter) => prompter.typeNumber('How many?', 12_000)],
  ];

  it.each(questions)('cancels %s where nothing is typed', async (_, ask) => {
    const { type, shows, answer } = asking(ask);
    await shows('?');
    type(CTRL_D);
    await expect(answer).rejects.toThrow(CancelledError);
  });

  it('does nothing where something is typed', async () => {
    const { type, answer } = asking((prompter) => prompter.typeNumber('How many?', 12_000));
    type('12000', CTRL_D, ENTER);
    expect(await answer).toBe(true);
  });

  it('cancels the second question as it does the first', async () => {
    const { type, shows, answer } = asking(async (prompter) => {
      expect(await prompter.input('First?')).toBe('one');
      return prompter.input('Second?');
    });
    type('one', ENTER);
    await shows('Second?');
    type(CTRL_D);
    await expect(answer).rejects.toThrow(CancelledError);
  });
});
