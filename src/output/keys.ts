import type { ReadStream } from 'node:tty';
import type { InputStream } from '../system.ts';

/**
 * Reads single keys from a terminal. Ctrl-C is one of them then, and no signal.
 * @param heed told what was typed, several keys at once where they come so
 * @returns puts the terminal back as it was
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
