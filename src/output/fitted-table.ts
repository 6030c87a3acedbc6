import Table from 'cli-table3';
import { cutText, ellipsisFor, terminalText, textWidth } from './fit-text.ts';
import { safeText } from './safe-text.ts';
import { forTerminal, type Styles, type Terminal } from './styles.ts';

const ABSENT = '-';
const GAP = '  ';

export interface FittedTable {
  /** The lines, each with its line feed. */
  readonly text: string;
  /** Titles of the columns that the terminal is too narrow for. */
  readonly leftOut: readonly string[];
}

export interface TableColumn {
  readonly title: string;
  /** The title where there is little room. */
  readonly shortTitle?: string;
  /** As `tableCell` gives them. */
  readonly cells: readonly string[];
  /** Colours a cell, after it has been cut. */
  readonly style?: (text: string, row: number) => string;
  /** Below so many columns the cells are not worth their room; without it they are never cut. */
  readonly minimum?: number;
  /** Rather than cut the cells below this, columns that can be done without are left out. */
  readonly comfortable?: number;
  /** The lowest is left out first. One without is always there. */
  readonly importance?: number;
  /** Left out for the comfort of the others, not only in need. */
  readonly expendable?: boolean;
}

interface Column extends TableColumn {
  readonly cellsWidth: number;
}

/**
 * Columns as a table. On a terminal it keeps to the width: cells are cut with an ellipsis, the least important columns
 * left out. Elsewhere it is stable text for `awk`: everything whole, columns two spaces apart.
 */
export function fittedTable(
  given: readonly TableColumn[],
  {
    terminal,
    styles,
    whole,
  }: { readonly terminal: Terminal; readonly styles: Styles; readonly whole: boolean },
): FittedTable {
  const all = given.map((column) => ({ ...column, cellsWidth: widest(column.cells) }));
  const { columns, leftOut } =
    terminal.interactive && !whole
      ? fitted(all, terminal.width, ellipsisFor(terminal))
      : { columns: all, leftOut: [] };
  const rows = (given[0]?.cells ?? []).map((_, row) =>
    columns.map(({ cells, style }) => styled(cells[row] ?? '', row, style)),
  );
  const head = columns.map(({ title }) => styles.bold(title.toUpperCase()));
  return { text: rendered([head, ...rows], columns.map(naturalWidth)), leftOut };
}

/** Characters. A longer value would make every row of its column as wide. */
const LONGEST_CELL = 1000;

/**
 * A value from outside as a cell: on one line, and in a pipe without the two spaces at which its reader splits.
 * @param whole keeps also what is longer than 1,000 characters
 */
export function tableCell(terminal: Terminal, whole: boolean): (value: string | null) => string {
  const text = terminal.interactive
    ? (value: string) => forTerminal(terminalText(value), terminal)
    : (value: string) => safeText(value).replace(/ {2,}/g, ' ').trim();
  return (value) => {
    if (value === null || value.trim() === '') return ABSENT;
    if (whole || value.length <= LONGEST_CELL) return text(value);
    // Not between the halves of a character.
    const start = value.slice(0, LONGEST_CELL).replace(/[\ud800-\udbff]$/, '');
    return text(start) + ellipsisFor(terminal);
  };
}

/** cli-table3 takes quadratic time over the rows of one table, so a long one is made of several. */
const ROWS_AT_A_TIME = 50;

function rendered(rows: readonly (readonly string[])[], colWidths: readonly number[]): string {
  let text = '';
  for (let from = 0; from < rows.length; from += ROWS_AT_A_TIME) {
    const table = new Table({
      colWidths: [...colWidths],
      // cli-table3 colours borders and heads by itself, even in a pipe, unless it is told not to.
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
      chars: borderless,
    });
    table.push(...rows.slice(from, from + ROWS_AT_A_TIME).map((row) => [...row]));
    // Not by a pattern: over a row of spaces it would take quadratic time.
    const lines = table.toString().split('\n');
    text += lines.map((line) => `${line.trimEnd()}\n`).join('');
  }
  return text;
}

const borderless = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '',
  'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: GAP,
} as const; // prettier-ignore

function styled(cell: string, row: number, style: Column['style']): string {
  return style === undefined ? cell : style(cell, row);
}

/** Chooses and cuts columns so that no line is wider than `width`. */
function fitted(
  all: readonly Column[],
  width: number,
  ellipsis: string,
): { columns: readonly Column[]; leftOut: readonly string[] } {
  if (widthOf(all, naturalWidth) <= width) return { columns: all, leftOut: [] };
  const short = all.map((column) => ({ ...column, title: column.shortTitle ?? column.title }));
  const comfortable = without(
    short,
    width,
    (column) => bounded(column, column.comfortable),
    ({ expendable }) => expendable === true,
  );
  const columns = without(
    comfortable,
    width,
    (column) => bounded(column, column.minimum),
    () => true,
  );
  const widths = shrink(columns, width);
  return {
    columns: columns.map((column, at) => cut(column, widths[at] ?? 0, ellipsis)),
    leftOut: all
      .filter((_, at) => !columns.some((column) => column.cells === short[at]?.cells))
      .map(({ title }) => title),
  };
}

function widest(cells: readonly string[]): number {
  return cells.reduce((width, cell) => Math.max(width, textWidth(cell)), 0);
}

function naturalWidth({ title, cellsWidth }: Column): number {
  return Math.max(title.length, cellsWidth);
}

function bounded(column: Column, bound = Number.POSITIVE_INFINITY): number {
  return Math.min(naturalWidth(column), bound);
}

function widthOf(columns: readonly Column[], measure: (column: Column) => number): number {
  return columns.reduce((sum, column) => sum + measure(column), GAP.length * (columns.length - 1));
}

/** Leaves out columns, the least important first, until the rest fits or there is nothing to leave out. */
function without(
  columns: readonly Column[],
  width: number,
  measure: (column: Column) => number,
  mayGo: (column: Column) => boolean,
): readonly Column[] {
  if (widthOf(columns, measure) <= width) return columns;
  const importance = (column: Column) => column.importance ?? Number.POSITIVE_INFINITY;
  const [least] = columns
    .filter((column) => column.importance !== undefined && mayGo(column))
    .sort((a, b) => importance(a) - importance(b));
  if (least === undefined) return columns;
  return without(
    columns.filter((column) => column !== least),
    width,
    measure,
    mayGo,
  );
}

/** Takes from the widest column that may be cut, a column of the screen at a time, until all fit. */
function shrink(columns: readonly Column[], width: number): readonly number[] {
  const room = width - GAP.length * (columns.length - 1);
  const widths = columns.map((column) => Math.min(naturalWidth(column), room));
  const floors = columns.map((column, at) => column.minimum ?? widths[at] ?? 0);
  while (widths.reduce((sum, one) => sum + one, 0) > room) {
    const [widest] = [...widths.keys()]
      .filter((at) => (widths[at] ?? 0) > (floors[at] ?? 0))
      .sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0));
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function cut(column: Column, width: number, ellipsis: string): Column {
  const cells = column.cells.map((cell) => cutText(cell, width, ellipsis));
  return { ...column, title: cutText(column.title, width, ellipsis), cells, cellsWidth: widest(cells) };
}
