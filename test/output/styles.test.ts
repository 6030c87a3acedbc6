import { expect, test } from 'vitest';
import { judgeTerminal, stylesFor } from '../../src/output/styles.ts';

const stream = (isTTY: boolean, columns?: number) => ({ isTTY, columns, write: () => true });

test.each([
  [true, {}, true, true],
  [false, {}, true, false],
  [true, { NO_COLOR: '1' }, true, false],
  [true, { NO_COLOR: '' }, true, true],
  [true, { TERM: 'dumb' }, true, false],
  [false, { FORCE_COLOR: '1' }, true, true],
  [true, { FORCE_COLOR: '0' }, true, false],
  [true, { FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
  [true, { FORCE_COLOR: '1' }, false, false],
])('terminal %s, %j, colour wanted %s: %s', (isTTY, env, wanted, colour) => {
  expect(judgeTerminal(stream(isTTY), env, wanted).colour).toBe(colour);
});

test('a terminal that does not say how wide it is counts as 80 columns, anything else as endless', () => {
  expect(judgeTerminal(stream(true, 132), {}, true).width).toBe(132);
  expect(judgeTerminal(stream(true), {}, true).width).toBe(80);
  expect(judgeTerminal(stream(true, 0), {}, true).width).toBe(80);
  expect(judgeTerminal(stream(false, 132), {}, true).width).toBe(Number.POSITIVE_INFINITY);
});

test('without colour styles leave text alone', () => {
  expect(stylesFor({ interactive: true, colour: false, width: 80 }).bold('x')).toBe('x');
  expect(stylesFor({ interactive: true, colour: true, width: 80 }).bold('x')).toBe('\u001b[1mx\u001b[22m');
});
