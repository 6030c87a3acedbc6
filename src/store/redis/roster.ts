import { Buffer } from 'node:buffer';

/** Remembers tokens of Better Auth's usual form, exactly, at about 30 bytes for each. */
export interface Roster {
  /** @returns whether the token is new; null for one that it does not take, by its form or for want of room */
  add(token: string): boolean | null;
  has(token: string): boolean;
  /** The tokens, in the order in which they came, so many at a time. */
  chunks(length: number): Generator<readonly string[]>;
}

/** Better Auth's own tokens: `generateId(32)` (better-auth 1.7.25). */
export const USUAL_TOKEN = /^[A-Za-z0-9]{32}$/;

/** Letters and digits stand in the alphabet of base64 as well: 32 of them are 24 bytes, and the other way round. */
const BYTES = 24;
const WORDS = BYTES / 4;
/** Tokens in one piece of memory, so that nothing is copied as their number grows. */
const SLAB = 1 << 14;
/** So many tokens take 30 MB, which is not to grow with the deployment without end. */
const MOST = 1 << 20;
/** Three quarters of the slots are taken at the most; of 3,200 that grow by half as often as they must, the most fit just so. */
const FIRST_SLOTS = 3200;
const isFull = (size: number, slots: number) => size * 4 > slots * 3;

export function createRoster(): Roster {
  const slabs: Uint32Array[] = [];
  const words = new Uint32Array(WORDS);
  const bytes = Buffer.from(words.buffer);
  /** Places of tokens, counted from 1; 0 is a free slot. A hash table without chains. */
  let slots = new Uint32Array(FIRST_SLOTS);
  let size = 0;

  const slabOf = (place: number): Uint32Array => {
    const slab = slabs[Math.floor(place / SLAB)];
    if (slab === undefined) throw new Error('a roster has lost its memory');
    return slab;
  };

  /** Whether the token in `words` stands at a place. */
  const isAt = (place: number): boolean => {
    const slab = slabOf(place);
    const from = (place % SLAB) * WORDS;
    for (let at = 0; at < WORDS; at += 1) if (slab[from + at] !== words[at]) return false;
    return true;
  };

  /** Where the search for the token begins that stands at a place in memory. */
  const home = (memory: Uint32Array, from: number) =>
    Math.floor(hashOf(memory, from) * (slots.length / 2 ** 32));
  const after = (slot: number) => (slot + 1 === slots.length ? 0 : slot + 1);

  /** @returns the slot of the token in `words`, or the free one in which it belongs */
  const slotOf = (): number => {
    let slot = home(words, 0);
    for (let held = slots[slot] ?? 0; held !== 0 && !isAt(held - 1); held = slots[slot] ?? 0)
      slot = after(slot);
    return slot;
  };

  const grow = () => {
    const before = slots;
    slots = new Uint32Array(before.length * 1.5);
    for (const held of before) {
      if (held === 0) continue;
      let slot = home(slabOf(held - 1), ((held - 1) % SLAB) * WORDS);
      while (slots[slot] !== 0) slot = after(slot);
      slots[slot] = held;
    }
  };

  /** Into `words`. */
  const read = (token: string): boolean =>
    USUAL_TOKEN.test(token) && bytes.write(token, 0, BYTES, 'base64') === BYTES;

  return {
    has: (token) => read(token) && slots[slotOf()] !== 0,
    add(token) {
      if (!read(token)) return null;
      const slot = slotOf();
      if (slots[slot] !== 0) return false;
      if (size >= MOST) return null;
      if (size % SLAB === 0) slabs.push(new Uint32Array(SLAB * WORDS));
      slabOf(size).set(words, (size % SLAB) * WORDS);
      size += 1;
      slots[slot] = size;
      if (isFull(size, slots.length)) grow();
      return true;
    },
    *chunks(length) {
      for (let from = 0; from < size; from += length) {
        const tokens: string[] = [];
        for (let place = from; place < Math.min(from + length, size); place += 1) {
          const begin = (place % SLAB) * WORDS;
          words.set(slabOf(place).subarray(begin, begin + WORDS));
          tokens.push(bytes.toString('base64'));
        }
        yield tokens;
      }
    },
  };
}

/**
 * MurmurHash3 of the token that begins at a place in memory: tokens that differ in a few letters alone, as those of another
 * generator may, have to lie as far from each other as any.
 */
function hashOf(words: Uint32Array, from: number): number {
  let hash = 0;
  for (let at = from; at < from + WORDS; at += 1) {
    const word = Math.imul(words[at] ?? 0, 0xcc9e2d51);
    hash ^= Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
