/** Remembers which texts have been seen, at eight bytes for each. */
export interface Seen {
  /** How many there are. */
  readonly size: number;
  /**
   * @returns whether the text is new. Of a million texts, one is taken for another with a chance of one in ten thousand: so
   * this is for counting, never for what must not be missed.
   */
  add(text: string): boolean;
  /** Whether the text has been seen, with the same uncertainty. */
  has(text: string): boolean;
}

const FIRST_SLOTS = 1 << 12;

/** A hash table without chains, since a Set of a million strings would take as much memory as all the rest. */
export function createSeen(): Seen {
  let slots = new Float64Array(FIRST_SLOTS);
  let size = 0;

  /** @returns the slot that holds the hash, or the free one in which it belongs */
  const slotOf = (table: Float64Array, hash: number) => {
    let slot = hash % table.length;
    while (table[slot] !== 0 && table[slot] !== hash) slot = (slot + 1) % table.length;
    return slot;
  };

  const grow = () => {
    const larger = new Float64Array(slots.length * 2);
    for (const hash of slots) if (hash !== 0) larger[slotOf(larger, hash)] = hash;
    slots = larger;
  };

  return {
    get size() {
      return size;
    },
    has(text) {
      const hash = hashOf(text);
      return slots[slotOf(slots, hash)] === hash;
    },
    add(text) {
      const hash = hashOf(text);
      const slot = slotOf(slots, hash);
      if (slots[slot] === hash) return false;
      slots[slot] = hash;
      size += 1;
      if (size * 2 > slots.length) grow();
      return true;
    },
  };
}

/** 53 bits, never 0: two multiplicative hashes of 32 bits (FNV-1a and one with another prime) side by side. */
export function hashOf(text: string): number {
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
    high ^= high >>> 13;
  }
  return ((high >>> 0) % 0x1fffff) * 0x1_0000_0000 + (low >>> 0) + 1;
}
