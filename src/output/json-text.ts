import { remembered } from './remembered.ts';
import { replaceUnsafe } from './safe-text.ts';

const NEEDS_NO_ESCAPE = /^[ !#-[\]-~]*$/;

/**
 * The value as JSON that is also harmless on a terminal: what a terminal obeys and a person cannot see is written as
 * `\uXXXX`, so that it parses to the very same value.
 * @param indent spaces a level; without it everything is on one line
 */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  // The line feeds that the indentation makes are the only raw controls in there; strings hold theirs escaped.
  return indent === undefined
    ? replaceUnsafe(text, escaped)
    : text
        .split('\n')
        .map((line) => replaceUnsafe(line, escaped))
        .join('\n');
}

/** `jsonText` of a string or null, cheap for the plain texts that most are and for those that repeat. */
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
