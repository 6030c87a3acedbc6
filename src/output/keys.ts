import type { ReadStream } from 'node:tty';
import type { InputStream } from '../system.ts';

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
