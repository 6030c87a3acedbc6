import { FailedError, UsageError } from '../errors.ts';
import type { System } from '../system.ts';

/** Bytes; more than a hundred thousand ids, or headers, take. */
const MOST = 16 * 1024 * 1024;

/** All of stdin as text. @throws UsageError where it is larger than any input that is meant */
export async function readStdin({ stdin, signal }: System): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const aborted = new Promise<never>((_resolve, reject) => {
    const giveUp = () => {
      reject(new Error(String(signal.reason)));
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
  const reading = (async () => {
    for await (const chunk of stdin) {
      const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
      size += bytes.length;
      if (size > MOST)
        throw new UsageError('stdin holds more than 16 MB, which is more than this command expects');
      chunks.push(bytes);
    }
  })().catch((error: unknown) => {
    if (error instanceof UsageError) throw error;
    throw new FailedError('stdin cannot be read', { cause: error });
  });
  await Promise.race([reading, aborted]);
  const bytes = Buffer.concat(chunks);
  // As Windows writes it.
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8', { ignoreBOM: false }).decode(bytes);
}
