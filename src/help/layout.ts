/** A term and its explanation. */
export type Item = readonly [term: string, description: string];

/** The column where descriptions start, so that they are aligned. */
export function columnFor(items: readonly Item[]): number {
  return Math.max(0, ...items.map(([term]) => term.length)) + 2;
}

/** A term with its description next to it, or below where there is too little room. */
export function rowOf([term, description]: Item, column: number, width: number): readonly string[] {
  const words = description.split(' ');
  if (width - column < NARROW) return [term, ...wrapWords(words, width - 4).map((line) => `    ${line}`)];
  const [first = '', ...rest] = wrapWords(words, width - column);
  return [`${term.padEnd(column)}${first}`, ...rest.map((line) => ' '.repeat(column) + line)];
}

/** Columns of a description. With fewer it goes below its term. */
const NARROW = 24;

/** Pieces on lines of at most `width` columns; a piece is never broken. */
export function wrapWords(words: readonly string[], width: number, between = ' '): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + between.length + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last + between + word;
  }
  return lines;
}
