import fc from 'fast-check';
import { expect, test } from 'vitest';
import { safeText } from '../../src/output/safe-text.ts';
import { dangerousIn, hostileText } from './hostile.ts';

test.each([
  ['\u001b[31m', '\\x1b[31m'],
  ['a\r\nb\tc', 'a\\x0d\\x0ab\\x09c'],
  ['\u009b', '\\x9b'],
  ['abc\u202efed', 'abc\\u202efed'],
  ['\ud83d', '\\ud83d'],
  ['a\udc00b', 'a\\udc00b'],
  ['\u{e0041}', '\\u{e0041}'],
  ['a\u2028b', 'a\\u2028b'],
  ['\u3164', '\\u3164'],
  ['\uffff', '\\uffff'],
])('%j is shown as %s', (text, shown) => {
  expect(safeText(text)).toBe(shown);
});

test.each([
  '',
  'plain',
  'Zoë Müller',
  '田中 美咲',
  'ليلى حداد',
  'प्रिया',
  '👍🏽 ❤️ 🇩🇪',
  'a\u0301',
  'C:\\x1b',
  '  ',
])('%j is left as it is', (text) => {
  expect(safeText(text)).toBe(text);
});

test('nothing dangerous is left of any text, and a second time changes nothing', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const safe = safeText(text);
      expect(dangerousIn(safe)).toEqual([]);
      expect(safeText(safe)).toBe(safe);
    }),
    { numRuns: 1000 },
  );
});

test('no code point that is dangerous slips through', () => {
  const slipped: string[] = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    slipped.push(...dangerousIn(safeText(`a${String.fromCodePoint(code)}b`)));
    if (code === 0x3000) code = 0xd7ff;
    if (code === 0xffff) code = 0xdffff;
    if (code === 0xe0fff) break;
  }
  expect(slipped).toEqual([]);
});
