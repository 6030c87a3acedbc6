import type { ReadStream } from 'node:tty';
import type { InputStream, OutputStream } from '../system.ts';
import { write } from './writer.ts';

/** A terminal that is redrawn as a whole. */
export interface Screen {
  /**
   * Draws lines from the top over those that are there; each must be narrower than the terminal. Nothing is cleared
   * first, and a frame is one write, so that nothing flickers. Lines that do not fit are not drawn.
   */
  draw(lines: readonly string[]): Promise<void>;
  /** Restores the terminal. */
  close(): Promise<void>;
}

/** The alternate screen, as editors use it, so that the former content comes back; without a cursor. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';

const USUAL_ROWS = 24;

/** Rows of a terminal; one whose size is not set says 0. */
export function rowsOf({ rows }: OutputStream): number {
  return rows === undefined || rows === 0 ? USUAL_ROWS : rows;
}

/** @throws OutputClosedError where the terminal is gone */
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

/**
 * Reads single keys from a terminal. Ctrl-C is then a key and not a signal.
 * @param heed gets what was typed, several keys at once where they arrive together
 * @returns restores the terminal
 */
export function readKeys(stdin: InputStream, heed: (keys: string) => void): () => void {
  const terminal = stdin as unknown as ReadStream;
  const listen = (data: Buffer | string) => {
    heed(data.toString());
  };
  terminal.setRawMode(true);
  terminal.on('data', listen);
  terminal.resume();
  return () => {
    terminal.off('data', listen);
    terminal.setRawMode(false);
    terminal.pause();
  };
}
