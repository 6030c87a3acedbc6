/** Bytes that are reserved for lines. One chunk of sessions fits, and a larger one makes the buffer grow. */
const CAPACITY = 1 << 18;
/** UTF-8 takes at most this many bytes for one unit of a JavaScript string. */
const MOST_BYTES = 3;

/**
 * Encodes lines one after the other as they come. Joining them into one string first costs as much again as making the
 * lines.
 */
export interface LineBuffer {
  add(text: string): void;
  /** The bytes since the last `take`; they are valid until the next `add`. */
  take(): Uint8Array;
}

export function createLineBuffer(): LineBuffer {
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
