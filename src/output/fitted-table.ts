import Table from 'cli-table3';
import { cutText, ellipsisFor, terminalText, textWidth } from './fit-text.ts';
import { safeText } from './safe-text.ts';
import { forTerminal, type Styles, type Terminal } from './styles.ts';

const ABSENT = '-';
const GAP = '  ';

export interface FittedTable {
  /** The lines, each with its line feed. */
  readonly text: string;
  /** Titles of the columns that are hidden because the terminal is too narrow. */
  readonly leftOut: readonly string[];
}

export interface TableColumn {
  readonly title: string;
  /** The title where there is little room. */
  readonly shortTitle?: string;
  /** From `tableCell`. */
  readonly cells: readonly string[];
  /** Colours a cell after it is cut. */
  readonly style?: (text: string, row: number) => string;
  /** Cells narrower than this are not useful; without it they are never cut. */
  readonly minimum?: number;
  /** Columns that can be hidden are hidden before cells are cut below this. */
  readonly comfortable?: number;
  /** The lowest is hidden first. A column without one is always shown. */
  readonly importance?: number;
  /** Hidden so that the other columns have enough room, not only in need. */
  readonly expendable?: boolean;
}

interface Column extends TableColumn {
  readonly cellsWidth: number;
}

/**
 * Columns as a table. On a terminal it keeps to the width: cells are cut with an ellipsis, the least important columns
 * are hidden. Elsewhere it is stable text for `awk`: whole values, columns two spaces apart.
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

/** Characters. A longer value would widen every row of its column. */
const LONGEST_CELL = 1000;

/**
 * A value from outside as a cell: on one line, and in a pipe without two spaces in a row, at which readers split.
 * @param whole keeps also values of more than 1,000 characters
 */
export function tableCell(terminal: Terminal, whole: boolean): (value: string | null) => string {
  const text = terminal.interactive
    ? (value: string) => forTerminal(terminalText(value), terminal)
    : (value: string) => safeText(value).replace(/ {2,}/g, ' ').trim();
  return (value) => {
    if (value === null || value.trim() === '') return ABSENT;
    if (whole || value.length <= LONGEST_CELL) return text(value);
    // Never cut between the halves of a character.
    const start = value.slice(0, LONGEST_CELL).replace(/[\ud800-\udbff]$/, '');
    return text(start) + ellipsisFor(terminal);
  };
}

/** cli-table3 takes quadratic time over the rows of one table, so a long table is made of several. */
const ROWS_AT_A_TIME = 50;

function rendered(rows: readonly (readonly string[])[], colWidths: readonly number[]): string {
  let text = '';
  for (let from = 0; from < rows.length; from += ROWS_AT_A_TIME) {
    const table = new Table({
      colWidths: [...colWidths],
      // cli-table3 colours borders and heads by default, even in a pipe.
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
      chars: borderless,
    });
    table.push(...rows.slice(from, from + ROWS_AT_A_TIME).map((row) => [...row]));
    // Without a pattern, which would take quadratic time over a row of spaces.
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

/** Hides columns, the least important first, until the rest fits or none can be hidden. */
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

/** Takes one screen column at a time from the widest column that may be cut, until all fit. */
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
