import type { SchemaPart, SchemaStep } from '../sessions/schema-store.ts';
import type { Target } from '../sessions/reading-store.ts';
import { screenLines, terminalText } from './fit-text.ts';
import { labelledLines } from './labelled-lines.ts';
import { placeName } from './revocation-plan.ts';
import type { Styles, Terminal } from './styles.ts';

const STATE_WIDTH = 'optional'.length;

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
  const indent = ' '.repeat(STATE_WIDTH + 2);
  const line = ({ name, state, detail }: SchemaPart) => {
    const lines = screenLines(`${titles[name]}: ${detail}`, terminal, indent.length);
    return `${style[state](state.padEnd(STATE_WIDTH))}  ${lines.join(`\n${indent}`)}\n`;
  };
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
    value: title,
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
