/** A random generator that repeats for one seed. Not for secrets. */
export interface DemoRandom {
  /** From 0 up to, but not including, `below`. */
  integer(below: number): number;
  /** A whole number from `from` up to, but not including, `to`. */
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  /** Letters and digits, like the ids and tokens of Better Auth. */
  text(length: number): string;
  hex(length: number): string;
}

const LETTERS_AND_DIGITS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

export function createDemoRandom(seed: number): DemoRandom {
  const next = mulberry32(seed);
  const integer = (below: number) => Math.floor(next() * below);
  const from = (alphabet: string, length: number) => {
    let text = '';
    for (let at = 0; at < length; at += 1) text += alphabet.charAt(integer(alphabet.length));
    return text;
  };
  return {
    integer,
    between: (low, high) => low + integer(Math.max(high - low, 1)),
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[integer(items.length)];
      return item === undefined ? items[0] : item;
    },
    text: (length) => from(LETTERS_AND_DIGITS, length),
    hex: (length) => from('0123456789abcdef', length),
  };
}

/** Tommy Ettinger's generator: 32 bits of state, good enough to look natural. Returns numbers from 0 up to 1. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
