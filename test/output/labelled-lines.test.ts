import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, it } from 'vitest';
import { labelledLines } from '../../src/output/labelled-lines.ts';
import { judgeTerminal, stylesFor } from '../../src/output/styles.ts';
import { dangerousIn, hostileText } from './hostile.ts';

const terminalOf = (columns: number) =>
  judgeTerminal({ isTTY: columns !== 0, columns, write: () => true }, { LANG: 'en_GB.UTF-8' }, false);
const shown = (value: string | null, columns: number) => {
  const terminal = terminalOf(columns);
  return labelledLines(
    [
      { label: 'id', value },
      { label: 'address', value: null },
    ],
    terminal,
    stylesFor(terminal),
  );
};

it('aligns values, and wraps them beside their label', () => {
  expect(shown('one two three four', 20)).toBe('id       one two\n         three four\naddress  -\n');
  expect(shown('one two three four', 0)).toBe('id       one two three four\naddress  -\n');
  expect(shown('', 80)).toBe('id       -\naddress  -\n');
});

it('shows nothing that a terminal would obey, and keeps to its width', () => {
  fc.assert(
    fc.property(hostileText, fc.integer({ min: 20, max: 200 }), (value, columns) => {
      for (const width of [columns, 0]) {
        const lines = shown(value, width).split('\n');
        for (const line of lines) {
          expect(dangerousIn(line)).toEqual([]);
          if (width > 0) expect(stringWidth(line)).toBeLessThanOrEqual(width);
        }
        if (width === 0) expect(lines).toHaveLength(3);
      }
    }),
  );
});
