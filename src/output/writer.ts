import { FailedError } from '../errors.ts';
import type { OutputStream } from '../system.ts';

/** Thrown when the reader is gone, as with `head` or a closed terminal: a normal end. */
export class OutputClosedError extends Error {
  constructor() {
    super('the reader closed the output');
    this.name = 'OutputClosedError';
  }
}

/**
 * Writes text and waits until the stream has taken it, so that a slow reader slows the query down instead of filling
 * memory.
 * @throws OutputClosedError when the reader is gone, FailedError when the disk is full
 */
export function write(stream: OutputStream, text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error === null || error === undefined) resolve();
      else if (isClosed(stream, error)) reject(new OutputClosedError());
      else
        reject(
          new FailedError(`the output cannot be written: ${error.message}`, {
            hint: 'What was written so far is incomplete.',
            cause: error,
          }),
        );
    });
  });
}

/** A closed terminal answers EIO; for a file that means a broken disk. */
function isClosed({ isTTY }: OutputStream, error: Error): boolean {
  if (!('code' in error)) return false;
  const { code } = error;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || (code === 'EIO' && isTTY === true);
}
