/**
 * The text in lower case, letter by letter and without rules of a language, so that every database can do the same. A
 * letter that would become several letters, or an ASCII letter (İ, the Kelvin sign), stays as it is.
 */
export function foldCase(text: string): string {
  return text.replaceAll(/[A-Z]|[^\0-\x7f]/gu, foldLetter);
}

function foldLetter(letter: string): string {
  const lower = letter.toLowerCase();
  const isOne = Array.from(lower).length === 1;
  return isOne && (/[A-Z]/.test(letter) || /[^\0-\x7f]/.test(lower)) ? lower : letter;
}

const LAST_LETTER = 0x1ffff;

/** Letters beyond ASCII that `foldCase` turns into a letter of the text, each with that letter. */
export function capitalsOf(folded: string): readonly (readonly [capital: string, letter: string])[] {
  const wanted = new Set(Array.from(folded).filter((letter) => letter > '\x7f'));
  if (wanted.size === 0) return [];
  const found: (readonly [string, string])[] = [];
  for (let code = 0x80; code <= LAST_LETTER; code += 1) {
    const capital = String.fromCodePoint(code);
    const letter = foldLetter(capital);
    if (letter !== capital && wanted.has(letter)) found.push([capital, letter]);
  }
  return found;
}

/** Whether every letter of the text is ASCII, which all database encodings have in common. */
export function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}
