import type { SchemaPart, SchemaStep } from '../sessions/schema-store.ts';
import type { Target } from '../sessions/reading-store.ts';
import { terminalText, wrapText } from './fit-text.ts';
import { labelledLines } from './labelled-lines.ts';
import { placeName } from './revocation-plan.ts';
import type { Styles, Terminal } from './styles.ts';

const STATE_WIDTH = 'optional'.length;
/** Columns. Text narrower than this could not be read in any case. */
const NARROWEST = 20;

const titles: Readonly<Record<SchemaPart['name'], string>> = {
  'core-tables': "Better Auth's core tables",
  'history-table': "sessionctl's history table",
  'expiry-index': 'index on expiry',
};

/** One line per part: its state, its name, and what exists. */
export function schemaPartsText(
  parts: readonly SchemaPart[],
  terminal: Terminal,
  { green, yellow, dim }: Styles,
): string {
  const style = { done: green, pending: yellow, optional: dim };
  const line = ({ name, state, detail }: SchemaPart) =>
    `${style[state](state.padEnd(STATE_WIDTH))}  ${wrapped(`${titles[name]}: ${terminalText(detail)}`).join(`\n${' '.repeat(STATE_WIDTH + 2)}`)}\n`;
  const wrapped = (text: string) =>
    terminal.interactive ? wrapText(text, Math.max(terminal.width - STATE_WIDTH - 2, NARROWEST)) : [text];
  return parts.map(line).join('');
}

/** What a change does, one line per step. */
export function schemaStepsText(
  target: Target,
  steps: readonly SchemaStep[],
  terminal: Terminal,
  styles: Styles,
): string {
  const lines = steps.map(({ title }, at) => ({
    label: at === 0 ? 'to do' : '',
    value: terminalText(title),
    style: styles.bold,
  }));
  return labelledLines([{ label: 'database', value: placeName(target) }, ...lines], terminal, styles);
}

/** The statements of a change as a script to run, each step under its title. */
export function schemaScript(steps: readonly SchemaStep[]): string {
  const text = steps.map(
    ({ title, statements }) =>
      `-- ${terminalText(title)}\n${statements.map((sql) => `${terminalText(sql)};\n`).join('')}`,
  );
  return text.join('\n');
}
