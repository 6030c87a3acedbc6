import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { cutText, terminalText, wrapText } from '../../src/output/fit-text.ts';
import { sessionTable } from '../../src/output/session-table.ts';
import { stylesFor, type Terminal } from '../../src/output/styles.ts';
import type { Instant } from '../../src/sessions/instant.ts';
import type { Session } from '../../src/sessions/session.ts';
import { aSession, hostileSession, hostileText } from './hostile.ts';

const now = '2026-11-23T14:00:00.000Z' as Instant;
const screen = (width: number, colour = false): Terminal => ({ interactive: true, colour, width });
const pipe: Terminal = { interactive: false, colour: false, width: Number.POSITIVE_INFINITY };

function table(sessions: readonly Session[], terminal: Terminal, wide = false) {
  return sessionTable(sessions, { now, terminal, styles: stylesFor(terminal), wide, emails: new Map() });
}

const another: Session = {
  ...aSession,
  id: 'qYwS7kqzA9b2C3d4E5f6G7h8I9j0K1l2',
  userEmail: null,
  userName: '田中 美咲',
  state: 'expired',
  expiresAt: '2026-11-23T13:00:00.000Z' as Instant,
  ipAddress: '203.0.113.7',
  userAgent: 'curl/8.5.0',
};

test('at 80 columns', () => {
  const { text, leftOut } = table([aSession, another], screen(80));
  expect(`\n${text}`).toMatchInlineSnapshot(`
    "
    ID          USER           ACTIVE  EXPIRES  IP                    DEVICE
    qYwS7kqzA1  ada@example.…  3h ago  in 6d    2001:db8:aaaa:bbbb::  Chrome 142 on…
    qYwS7kqzA9  田中 美咲      3h ago  1h ago   203.0.113.7           curl 8.5
    "
  `);
  expect(leftOut).toMatchInlineSnapshot(`
    [
      "state",
      "created",
    ]
  `);
});

test('at 120 columns nothing is left out', () => {
  const { text, leftOut } = table([aSession, another], screen(120));
  expect(`\n${text}`).toMatchInlineSnapshot(`
    "
    ID          USER             STATE    CREATED  LAST ACTIVE  EXPIRES  IP                    DEVICE
    qYwS7kqzA1  ada@example.com  active   3d ago   3h ago       in 6d    2001:db8:aaaa:bbbb::  Chrome 142 on macOS
    qYwS7kqzA9  田中 美咲        expired  3d ago   3h ago       1h ago   203.0.113.7           curl 8.5
    "
  `);
  expect(leftOut).toEqual([]);
});

test('at 150 columns ids are whole', () => {
  expect(`\n${table([aSession, another], screen(150)).text}`).toMatchInlineSnapshot(`
    "
    ID                                USER             STATE    CREATED  LAST ACTIVE  EXPIRES  IP                    DEVICE
    qYwS7kqzA1b2C3d4E5f6G7h8I9j0K1l2  ada@example.com  active   3d ago   3h ago       in 6d    2001:db8:aaaa:bbbb::  Chrome 142 on macOS
    qYwS7kqzA9b2C3d4E5f6G7h8I9j0K1l2  田中 美咲        expired  3d ago   3h ago       1h ago   203.0.113.7           curl 8.5
    "
  `);
});

test('in a pipe everything is whole and times are times', () => {
  expect(`\n${table([aSession, another], pipe).text}`).toMatchInlineSnapshot(`
    "
    ID                                USER             STATE    CREATED                   LAST ACTIVE               EXPIRES                   IP                    DEVICE
    qYwS7kqzA1b2C3d4E5f6G7h8I9j0K1l2  ada@example.com  active   2026-11-20T14:00:00.000Z  2026-11-23T11:00:00.000Z  2026-11-30T11:00:00.000Z  2001:db8:aaaa:bbbb::  Chrome 142 on macOS
    qYwS7kqzA9b2C3d4E5f6G7h8I9j0K1l2  田中 美咲        expired  2026-11-20T14:00:00.000Z  2026-11-23T11:00:00.000Z  2026-11-23T13:00:00.000Z  203.0.113.7           curl 8.5
    "
  `);
});

test('a pipe’s reader gets the columns by splitting at two spaces', () => {
  fc.assert(
    fc.property(fc.array(hostileSession, { minLength: 1, maxLength: 4 }), (sessions) => {
      const [, ...lines] = table(sessions, pipe).text.trimEnd().split('\n');
      expect(lines).toHaveLength(sessions.length);
      for (const line of lines) expect(line.split(/ {2,}/)).toHaveLength(8);
    }),
  );
});

test('--wide has the whole user agent on a narrow screen', () => {
  const userAgent = `app ${'x'.repeat(10_000)}`;
  const { text, leftOut } = table([{ ...aSession, userAgent }], screen(80), true);
  expect(text).toContain(userAgent);
  expect(text).toContain(aSession.id);
  expect(leftOut).toEqual([]);
});

test('colour changes nothing but colour', () => {
  const coloured = table([aSession, another], screen(100, true)).text;
  expect(coloured).toContain('\u001b[32mactive\u001b[39m');
  expect(coloured).toContain('\u001b[2mexpired\u001b[22m');
  // eslint-disable-next-line no-control-regex -- the escape character is what is looked for
  expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(table([aSession, another], screen(100)).text);
});

test('more rows than are rendered at a time stay aligned', () => {
  const sessions = Array.from({ length: 120 }, (_, at) => ({
    ...aSession,
    id: `${String(at)}-session-${'x'.repeat(at % 30)}`,
  }));
  const lines = table(sessions, pipe).text.trimEnd().split('\n');
  expect(lines).toHaveLength(121);
  expect(new Set(lines.map((line) => line.lastIndexOf('  '))).size).toBe(1);
});

test('ids are as short as tells them apart, and never under eight', () => {
  const firstColumn = (sessions: readonly Session[]) =>
    table(sessions, screen(80))
      .text.split('\n')
      .slice(1, -1)
      .map((line) => line.split(' ')[0]);
  expect(firstColumn([aSession])).toEqual(['qYwS7kqz']);
  expect(firstColumn([aSession, another])).toEqual(['qYwS7kqzA1', 'qYwS7kqzA9']);
  expect(
    firstColumn([
      { ...aSession, id: '7' },
      { ...aSession, id: '71' },
    ]),
  ).toEqual(['7', '71']);
});

test('cut text keeps graphemes whole and says that it was cut', () => {
  expect(cutText('maria@example.com', 8)).toBe('maria@e…');
  expect(cutText('田中美咲', 4)).toBe('田…');
  expect(cutText('ab👍🏽cd', 4)).toBe('ab…');
  expect(cutText('short', 5)).toBe('short');
  expect(terminalText(`Z${'\u0301'.repeat(50)}`)).toBe(`Z${'\u0301'.repeat(4)}`);
});

test('a grapheme that is wider than the line is broken into its characters', () => {
  expect(wrapText('प्रिया', 2).join('')).toBe('प्रिया');
  for (const line of wrapText('प्रिया', 2)) expect(stringWidth(line)).toBeLessThanOrEqual(2);
});

test('wrapped text is the whole text', () => {
  fc.assert(
    fc.property(hostileText, fc.integer({ min: 2, max: 40 }), (hostile, width) => {
      const text = terminalText(hostile);
      const lines = wrapText(text, width);
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
      expect(lines.join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
    }),
  );
});

test.each([' ', 'x', '1:', '田', 'e\u0301', '\u0001', 'a@b://c:'])(
  'cuts a cell before it is measured: 400,000 of %s',
  (piece) => {
    const long = `a${piece.repeat(400_000)}b`;
    const { text } = table(
      [{ ...aSession, userEmail: null, userName: long, ipAddress: long, userAgent: long }, another],
      pipe,
    );
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThan(20_000);
    expect(text).not.toMatch(/ $/m);
    expect(text.split('\n')[2]).toMatch(/ {2}203\.0\.113\.7 +curl 8\.5/);
  },
);

test('a cell is not cut between the halves of a character', () => {
  const { text } = table([{ ...aSession, userEmail: null, userName: `${'x'.repeat(999)}👩👩` }], pipe);
  expect(text).toContain(`${'x'.repeat(999)}…`);
});
