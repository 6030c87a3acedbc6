const CAPACITY = 4096;
const LONGEST_KEY = 512;

/**
 * A pure function that remembers its results, in constant memory for two million rows: when the memory is full it
 * starts again empty, and long keys, of which an attacker can make any number, are not remembered.
 */
export function remembered<Result>(compute: (key: string) => Result): (key: string) => Result {
  const results = new Map<string, Result>();
  return (key) => {
    const known = results.get(key);
    if (known !== undefined) return known;
    const result = compute(key);
    if (key.length <= LONGEST_KEY) {
      if (results.size >= CAPACITY) results.clear();
      results.set(key, result);
    }
    return result;
  };
}
