import { screenLines } from './fit-text.ts';
import type { Styles, Terminal } from './styles.ts';

/** One or more lines after a label. */
export interface LabelledLine {
  readonly label: string;
  /** Any text, also from outside; a missing value is shown as `-`. */
  readonly value: string | null;
  readonly style?: (text: string) => string;
}

const GAP = '  ';

/** `label  value` pairs, the values aligned, and wrapped to the width of a terminal. Ends with a line feed. */
export function labelledLines(lines: readonly LabelledLine[], terminal: Terminal, styles: Styles): string {
  const labelWidth = Math.max(...lines.map(({ label }) => label.length));
  const indent = ' '.repeat(labelWidth) + GAP;
  const text = lines.map(({ label, value, style = (plain) => plain }) => {
    const shown = value === null || value === '' ? '-' : value;
    const wrapped = screenLines(shown, terminal, indent.length);
    return `${styles.dim(label.padEnd(labelWidth))}${GAP}${wrapped.map(style).join(`\n${indent}`)}\n`;
  });
  return text.join('');
}
