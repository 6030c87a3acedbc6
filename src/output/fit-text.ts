import stringWidth from 'string-width';
import type { Terminal } from './styles.ts';
import { isPrintableAscii, safeText } from './safe-text.ts';

const ELLIPSIS = '…';
const ASCII_ELLIPSIS = '...';
/** More marks than this on one letter are decoration that covers the lines above and below. */
const MARKS_BEYOND_READING = /(\p{M}{4})\p{M}+/gu;
/** Created when needed: it takes longer than most commands. */
let segmenter: Intl.Segmenter | undefined;

/** Text from outside for one line of a terminal: safe, on one line, without stacks of combining marks. */
export function terminalText(text: string): string {
  return safeText(text).replace(MARKS_BEYOND_READING, '$1');
}

/** Columns that the text takes, counted as cli-table3 counts them. */
export function textWidth(text: string): number {
  return isPrintableAscii(text) ? text.length : stringWidth(text);
}

/**
 * The text cut to a width in columns, with an ellipsis where something is missing. Cuts only between graphemes.
 * @param text from `terminalText`
 * @param ellipsis from `ellipsisFor` for the terminal
 */
export function cutText(text: string, width: number, ellipsis = ELLIPSIS): string {
  if (fits(text, width)) return text;
  return width < ellipsis.length ? '' : firstLine(text, width, ellipsis) + ellipsis;
}

/** The mark for missing text on a terminal. */
export function ellipsisFor({ ascii }: Pick<Terminal, 'ascii'>): string {
  return ascii === true ? ASCII_ELLIPSIS : ELLIPSIS;
}

/** The text on lines of at most `width` columns, broken at spaces where there are some. `width` is at least 2. */
export function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = text;
  while (!fits(rest, width)) {
    const line = firstLine(rest, width, '');
    const space = rest[line.length] === ' ' ? line.length : line.lastIndexOf(' ');
    const end = space > 0 ? space : line.length;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  if (rest !== '' || lines.length === 0) lines.push(rest);
  return lines;
}

/** Columns. Text narrower than this could not be read in any case. */
const NARROWEST = 10;

/**
 * Text, also from outside, as safe lines: wrapped at spaces to the width of a terminal beside an indent; without a
 * terminal, one line.
 */
export function screenLines(text: string, terminal: Terminal | null, indent = 0): readonly string[] {
  const safe = terminalText(text);
  return terminal?.interactive === true
    ? wrapText(safe, Math.max(terminal.width - indent, NARROWEST))
    : [safe];
}

function fits(text: string, width: number): boolean {
  // No grapheme takes more code units per column than this. It avoids measuring 10 KB that cannot fit.
  return text.length <= width * 32 && textWidth(text) <= width;
}

/** The graphemes from the beginning that fit together with `tail`; at least one where there is no tail. */
function firstLine(text: string, width: number, tail: string): string {
  const start = text.slice(0, width - tail.length);
  if (isPrintableAscii(start) && isPrintableAscii(text.charAt(start.length))) return start;
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  const graphemes = segmenter.segment(text.slice(0, width * 32));
  const line = firstFitting(segmentsOf(graphemes), width, tail);
  // A grapheme may be wider than the line; its characters are not.
  return line === '' && tail === '' ? firstFitting(text, width, '') : line;
}

function firstFitting(pieces: Iterable<string>, width: number, tail: string): string {
  let line = '';
  for (const piece of pieces) {
    if (textWidth(line + piece + tail) > width) break;
    line += piece;
  }
  return line;
}

function* segmentsOf(graphemes: Intl.Segments): Generator<string> {
  for (const { segment } of graphemes) yield segment;
}
