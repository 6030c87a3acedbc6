import type { Terminal } from './styles.ts';

/**
 * Text for a person, wrapped at spaces where a terminal would break words. Text with commands to paste is better left
 * to the terminal, which joins such lines again.
 * @param text its own lines stay lines
 */
export async function onLines(text: string, { width }: Pick<Terminal, 'width'>): Promise<string> {
  const lines = text.split('\n');
  if (lines.every(({ length }) => length < width)) return text;
  const { wrapText } = await import('./fit-text.ts');
  return lines.flatMap((line) => wrapText(line, width - 1)).join('\n');
}

/** The same after a word in a style of its own, such as `error:`. */
export async function labelledOnLines(
  label: string,
  style: (text: string) => string,
  text: string,
  terminal: Pick<Terminal, 'width'>,
): Promise<string> {
  const lines = await onLines(`${label} ${text}`, terminal);
  return `${style(label)}${lines.slice(label.length)}`;
}
