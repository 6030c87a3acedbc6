import type { Session } from '../sessions/session.ts';
import type { ListFormat } from './output-format.ts';

type Print = (text: string | Uint8Array) => Promise<void>;

/** Prints sessions chunk by chunk as they come, each when the one before is written. */
type SessionPrinter = (chunks: AsyncIterable<readonly Session[]>, print: Print) => Promise<void>;

/** The formats for machines. A format loads what it needs on first use. */
export const sessionPrinters: Readonly<
  Record<Exclude<ListFormat, 'table' | 'count'>, () => Promise<SessionPrinter>>
> = {
  json: async () => {
    const { sessionJson } = await import('./session-json.ts');
    return async (chunks, print) => {
      const lines = createLineBuffer();
      let before = '[\n';
      for await (const sessions of chunks) {
        for (const session of sessions) {
          lines.add(before + sessionJson(session));
          before = ',\n';
        }
        if (sessions.length > 0) await print(lines.take());
      }
      await print(before === '[\n' ? '[]\n' : '\n]\n');
    };
  },
  jsonl: async () => {
    const { sessionJson } = await import('./session-json.ts');
    return lineByLine(sessionJson);
  },
  csv: async () => {
    const { csvHeader, sessionCsv } = await import('./session-csv.ts');
    return async (chunks, print) => {
      await print(csvHeader);
      for await (const sessions of chunks) await print(sessionCsv(sessions));
    };
  },
  ids: async () => {
    const { safeText } = await import('./safe-text.ts');
    return lineByLine(({ id }) => safeText(id));
  },
};

function lineByLine(lineOf: (session: Session) => string): SessionPrinter {
  return async (chunks, print) => {
    const lines = createLineBuffer();
    for await (const sessions of chunks) {
      for (const session of sessions) lines.add(`${lineOf(session)}\n`);
      if (sessions.length > 0) await print(lines.take());
    }
  };
}

/** Bytes that are reserved for lines. One chunk of sessions fits, and a larger one makes the buffer grow. */
const CAPACITY = 1 << 18;
/** UTF-8 takes at most this many bytes for one unit of a JavaScript string. */
const MOST_BYTES = 3;

/**
 * Encodes lines one after the other as they come. Joining them into one string first costs as much again as making the
 * lines.
 */
interface LineBuffer {
  add(text: string): void;
  /** The bytes since the last `take`; they are valid until the next `add`. */
  take(): Uint8Array;
}

function createLineBuffer(): LineBuffer {
  let bytes = Buffer.allocUnsafeSlow(CAPACITY);
  let length = 0;
  return {
    add(text) {
      const needed = length + text.length * MOST_BYTES;
      if (needed > bytes.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(needed, bytes.length * 2));
        bytes.copy(larger, 0, 0, length);
        bytes = larger;
      }
      length += bytes.write(text, length);
    },
    take() {
      const taken = bytes.subarray(0, length);
      length = 0;
      return taken;
    },
  };
}
