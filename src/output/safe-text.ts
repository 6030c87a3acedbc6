/**
 * All characters that a terminal obeys and a person cannot see: control characters, line and paragraph separators,
 * bidirectional and other invisible format characters, tags, fillers, lone surrogates. Variation selectors stay, since
 * emoji need them and they do nothing else.
 */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]|(?![\ufe00-\ufe0f])\p{Default_Ignorable_Code_Point}/gu;
const PRINTABLE_ASCII = /^[ -~]*$/;

/** The text with each dangerous character written out (`\x1b`, `\u202e`), so that it is visible and has no effect. */
export function safeText(text: string): string {
  return replaceUnsafe(text, visible);
}

/** Replaces each dangerous character, given as a whole code point. Nearly every text is plain and needs one test. */
export function replaceUnsafe(text: string, replacement: (character: string) => string): string {
  return isPrintableAscii(text) ? text : text.replace(UNSAFE, replacement);
}

/** Whether every character is harmless and takes one column; tested first, since nearly every text is plain. */
export function isPrintableAscii(text: string): boolean {
  return PRINTABLE_ASCII.test(text);
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 5)}}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
