import type { OutputStream } from '../system.ts';
import { write } from './writer.ts';

/** A terminal that is drawn on as a whole, again and again. */
export interface Screen {
  /**
   * Draws lines from the top, which must each be narrower than the terminal, over those that stand there: nothing is cleared
   * first, and a frame is one write, so that nothing flickers. What does not fit is not drawn.
   */
  draw(lines: readonly string[]): Promise<void>;
  /** Gives the terminal back as it was. */
  close(): Promise<void>;
}

/** The screen that editors use, so that what stood there comes back; and no cursor on it. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';

const USUAL_ROWS = 24;

/** Rows of a terminal; one that nobody has given a size says 0. */
export function rowsOf({ rows }: OutputStream): number {
  return rows === undefined || rows === 0 ? USUAL_ROWS : rows;
}

/** @throws OutputClosedError where nobody looks */
export async function openScreen(stdout: OutputStream): Promise<Screen> {
  await write(stdout, ENTER);
  return {
    draw: (lines) => {
      const shown = lines.slice(0, rowsOf(stdout)).map((line) => line + REST_OF_LINE);
      return write(stdout, HOME + shown.join('\r\n') + REST_OF_SCREEN);
    },
    close: () => write(stdout, LEAVE),
  };
}
