import { remembered } from './remembered.ts';
import { replaceUnsafe } from './safe-text.ts';

const NEEDS_NO_ESCAPE = /^[ !#-[\]-~]*$/;

/**
 * The value as JSON that is also harmless on a terminal: characters that a terminal obeys and a person cannot see are
 * written as `\uXXXX`, so that it parses to the same value.
 * @param indent spaces per level; without it everything is on one line
 */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  // Only the line feeds of the indentation are raw control characters here; those in strings are escaped.
  return indent === undefined
    ? replaceUnsafe(text, escaped)
    : text
        .split('\n')
        .map((line) => replaceUnsafe(line, escaped))
        .join('\n');
}

/** `jsonText` with a line feed. */
export function jsonLine(value: unknown, indent?: number): string {
  return `${jsonText(value, indent)}\n`;
}

/** `jsonText` of a string or null, fast for plain texts and for those that repeat. */
export function jsonString(text: string | null): string {
  if (text === null) return 'null';
  return NEEDS_NO_ESCAPE.test(text) ? `"${text}"` : escapedJson(text);
}

const escapedJson = remembered((text) => jsonText(text));

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }).join('');
}
