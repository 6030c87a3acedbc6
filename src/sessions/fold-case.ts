/**
 * The text in lower case, letter by letter and in no language: every database can be made to give the same. A letter
 * that would become several, or an ASCII one (İ, the sign for Kelvin), stays as it is.
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

/** Letters beyond ASCII that `foldCase` makes one of a text of, each with that one. */
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

/** Whether every letter of the text is one of ASCII, which all encodings of databases have in common. */
export function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}
