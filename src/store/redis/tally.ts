import { hashOf } from './seen.ts';

/** Counts how often texts come, at sixteen bytes for each text. Two texts may be taken for one: a count is never too small. */
export interface Tally {
  add(text: string): void;
  /** Whether the text has come more often than so. */
  exceeds(text: string, times: number): boolean;
  /** Whether any has. */
  anyExceeds(times: number): boolean;
}

const FIRST_SLOTS = 1 << 12;

export function createTally(): Tally {
  let hashes = new Float64Array(FIRST_SLOTS);
  let counts = new Uint32Array(FIRST_SLOTS);
  let size = 0;

  /** @returns the slot of the hash, or the free one in which it belongs */
  const slotOf = (table: Float64Array, hash: number) => {
    let slot = hash % table.length;
    while (table[slot] !== 0 && table[slot] !== hash) slot = (slot + 1) % table.length;
    return slot;
  };

  const grow = () => {
    const larger = new Float64Array(hashes.length * 2);
    const moved = new Uint32Array(larger.length);
    for (const [at, hash] of hashes.entries()) {
      if (hash === 0) continue;
      const slot = slotOf(larger, hash);
      larger[slot] = hash;
      moved[slot] = counts[at] ?? 0;
    }
    hashes = larger;
    counts = moved;
  };

  return {
    add(text) {
      const hash = hashOf(text);
      const slot = slotOf(hashes, hash);
      counts[slot] = (counts[slot] ?? 0) + 1;
      if (hashes[slot] === hash) return;
      hashes[slot] = hash;
      size += 1;
      if (size * 2 > hashes.length) grow();
    },
    exceeds: (text, times) => (counts[slotOf(hashes, hashOf(text))] ?? 0) > times,
    anyExceeds: (times) => counts.some((count) => count > times),
  };
}
