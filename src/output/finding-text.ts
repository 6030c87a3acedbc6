import type { Finding, FindingStatus, Remedy } from '../doctor/finding.ts';
import { screenLines, terminalText } from './fit-text.ts';
import type { Styles, Terminal } from './styles.ts';

/** Columns for the ids of checks; a longer id moves its result to the right. */
const ID_WIDTH = 20;
const STATUS_WIDTH = 4;
const GAP = '  ';
/** With fewer columns beside the id, the result goes below it. */
const NARROWEST = 20;

const places: Readonly<Record<Remedy['kind'], string>> = {
  sql: 'in the database:',
  toml: 'in sessionctl.toml:',
  command: 'in a shell:',
  typescript: 'in the application:',
};

/** One line per check. Below a warning or failure: the reason, and what to paste, which is never wrapped. */
export function findingText(finding: Finding, terminal: Terminal, styles: Styles): string {
  const { id, status, result, explanation, remedy } = finding;
  const colour: Readonly<Record<FindingStatus, (text: string) => string>> = {
    ok: styles.green,
    warn: styles.yellow,
    fail: styles.red,
  };
  const head = `${colour[status](status.padEnd(STATUS_WIDTH))}${GAP}${status === 'ok' ? id.padEnd(ID_WIDTH) : styles.bold(id.padEnd(ID_WIDTH))}${GAP}`;
  const indent = STATUS_WIDTH + GAP.length + Math.max(id.length, ID_WIDTH) + GAP.length;
  const isNarrow = terminal.interactive && terminal.width < indent + NARROWEST;
  const inner = isNarrow ? STATUS_WIDTH + GAP.length : indent;
  const text = screenLines(result, terminal, inner).join(`\n${' '.repeat(inner)}`);
  const lines = [isNarrow ? `${head.trimEnd()}\n${' '.repeat(inner)}${text}` : head + text];
  if (status !== 'ok') {
    const under = ' '.repeat(STATUS_WIDTH + GAP.length);
    lines.push(...screenLines(explanation, terminal, under.length).map((line) => under + styles.dim(line)));
    if (remedy !== null) {
      lines.push(under + styles.dim(places[remedy.kind]));
      lines.push(
        ...remedy.text.split('\n').map((line) => `${under}${GAP}${styles.cyan(terminalText(line))}`),
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/** `28 ok, 2 warn, 1 fail`. */
export function summaryText(findings: readonly Finding[], styles: Styles): string {
  const number = (status: FindingStatus) => findings.filter((finding) => finding.status === status).length;
  const [fine, warned, failed] = [number('ok'), number('warn'), number('fail')];
  const parts = [
    styles.green(`${String(fine)} ok`),
    ...(warned === 0 ? [] : [styles.yellow(`${String(warned)} warn`)]),
    ...(failed === 0 ? [] : [styles.red(`${String(failed)} fail`)]),
  ];
  return `\n${parts.join(', ')}\n`;
}
