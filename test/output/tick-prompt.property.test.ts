import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CancelledError } from '../../src/errors.ts';
import { UP, DOWN, BACKSPACE, ESC, ENTER, CTRL_C, sessions, tickSessions } from './asking.ts';

it('ticks what the screen shows as ticked, whatever is typed', async () => {
  const key = fc.constantFrom(UP, DOWN, ' ', ' ', BACKSPACE, '\t', 'a', 'chrome', 'ben', 'w', `${ESC}z`);
  await fc.assert(
    fc.asyncProperty(fc.array(key, { maxLength: 25 }), async (keys) => {
      const { type, screen, answer } = tickSessions();
      type(...keys);
      type(`${ESC}z`);
      const { lines } = await screen();
      const marks = lines.flatMap((line) => /^[> ] \[([ x])\]/.exec(line)?.[1] ?? []);
      expect(marks).toHaveLength(sessions.length);
      const marked = sessions.filter((_, index) => marks[index] === 'x').map(({ value }) => value);
      expect(lines).toContain(`${String(marked.length)} ticked; lines 1 to 4 of 4`);
      type(ENTER, marked.length === 0 ? CTRL_C : '');
      if (marked.length === 0) await expect(answer).rejects.toThrow(CancelledError);
      else expect(await answer).toEqual(marked);
    }),
    { numRuns: 60 },
  );
});
