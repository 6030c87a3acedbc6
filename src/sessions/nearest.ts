import leven from 'leven';

/**
 * The known word that was probably meant, or undefined: one that begins with the typed text, or differs in one or two
 * letters.
 */
export function nearest<Word extends string>(typed: string, known: readonly Word[]): Word | undefined {
  const word = typed.toLowerCase().slice(0, 64);
  const begun = word.length >= 3 ? known.filter((candidate) => candidate.toLowerCase().startsWith(word)) : [];
  if (begun.length === 1) return begun[0];
  const slips = word.length < 5 ? 1 : 2;
  const [closest] = known
    .map((candidate) => ({ candidate, distance: leven(word, candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= slips)
    .sort((a, b) => a.distance - b.distance);
  return closest?.candidate;
}

/** The hint for an unknown word. */
export function suggestion(typed: string, known: readonly string[]): string {
  const near = nearest(typed, known);
  const all = `Use one of ${known.join(', ')}.`;
  return near === undefined ? all : `Did you mean ${near}? ${all}`;
}
