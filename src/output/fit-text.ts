import stringWidth from 'string-width';
import type { Terminal } from './styles.ts';
import { isPrintableAscii, safeText } from './safe-text.ts';

const ELLIPSIS = '…';
const ASCII_ELLIPSIS = '...';
/** More marks than this on one letter are decoration that runs over the lines above and below. */
const MARKS_BEYOND_READING = /(\p{M}{4})\p{M}+/gu;
/** Made when it is needed: it takes longer than most commands. */
let segmenter: Intl.Segmenter | undefined;

/** Text from outside, fit for one line of a terminal: safe, on one line, without towers of combining marks. */
export function terminalText(text: string): string {
  return safeText(text).replace(MARKS_BEYOND_READING, '$1');
}

/** Columns that the text takes, counted as cli-table3 counts them. */
export function textWidth(text: string): number {
  return isPrintableAscii(text) ? text.length : stringWidth(text);
}

/**
 * The text cut to a width in columns, with an ellipsis where something is missing. Cuts between graphemes only.
 * @param text as `terminalText` gives it
 * @param ellipsis as `ellipsisFor` gives it for the terminal
 */
export function cutText(text: string, width: number, ellipsis = ELLIPSIS): string {
  if (fits(text, width)) return text;
  return width < ellipsis.length ? '' : firstLine(text, width, ellipsis) + ellipsis;
}

/** What stands on a terminal where something is missing. */
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

/** Columns. Narrower than this it could not be read in any case. */
const NARROWEST = 20;

/** A sentence on the lines that a terminal has room for, broken at spaces; elsewhere, or without a terminal, on one line. */
export function screenLines(text: string, terminal: Terminal | null): readonly string[] {
  return terminal?.interactive === true ? wrapText(text, Math.max(terminal.width, NARROWEST)) : [text];
}

function fits(text: string, width: number): boolean {
  // No grapheme takes more code units a column than this; it spares the measuring of 10 KB that cannot fit anyway.
  return text.length <= width * 32 && textWidth(text) <= width;
}

/** As many graphemes from the beginning as fit together with `tail`; at least something where there is no tail. */
function firstLine(text: string, width: number, tail: string): string {
  const start = text.slice(0, width - tail.length);
  if (isPrintableAscii(start) && isPrintableAscii(text.charAt(start.length))) return start;
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  const graphemes = segmenter.segment(text.slice(0, width * 32));
  const line = firstFitting(segmentsOf(graphemes), width, tail);
  // A grapheme may be wider than the line; the characters that it is made of are not.
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
