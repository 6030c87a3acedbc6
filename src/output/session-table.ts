import Table from 'cli-table3';
import type { Instant } from '../sessions/instant.ts';
import { SHORTEST_ID_PREFIX } from '../sessions/selection.ts';
import type { Session } from '../sessions/session.ts';
import { deviceOf } from './device.ts';
import { cutText, terminalText, textWidth } from './fit-text.ts';
import { relativeTime } from './relative-time.ts';
import { safeText } from './safe-text.ts';
import { shortAddress } from './short-address.ts';
import type { Styles, Terminal } from './styles.ts';

const ABSENT = '-';
const GAP = '  ';
/** From here on there is room for whole ids beside everything else. */
const WIDTH_FOR_WHOLE_IDS = 140;

export interface SessionTableOptions {
  readonly now: Instant;
  readonly terminal: Terminal;
  readonly styles: Styles;
  /** Adds the user agent and cuts nothing, whatever the width. */
  readonly wide: boolean;
  /** The e-mail addresses of administrators behind impersonations, by their ids, as far as they are known. */
  readonly emails: ReadonlyMap<string, string>;
}

export interface SessionTable {
  /** The lines, each with its line feed. */
  readonly text: string;
  /** Titles of the columns that the terminal is too narrow for. */
  readonly leftOut: readonly string[];
}

interface Column {
  readonly title: string;
  /** The title where there is little room. */
  readonly shortTitle?: string;
  readonly cells: readonly string[];
  readonly cellsWidth: number;
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

/**
 * Sessions as a table. On a terminal it keeps to the width: times relative to the store's clock, shortened ids, cells
 * cut with an ellipsis, the least important columns left out. Elsewhere it is stable text for `awk`: everything whole,
 * columns two spaces apart, and no two spaces inside a cell.
 */
export function sessionTable(sessions: readonly Session[], options: SessionTableOptions): SessionTable {
  const { terminal, styles, wide } = options;
  const all = columnsOf(sessions, options);
  const { columns, leftOut } =
    terminal.interactive && !wide ? fitted(all, terminal.width) : { columns: all, leftOut: [] };
  const rows = sessions.map((_, row) =>
    columns.map(({ cells, style }) => styled(cells[row] ?? '', row, style)),
  );
  const head = columns.map(({ title }) => styles.bold(title.toUpperCase()));
  return { text: rendered([head, ...rows], columns.map(naturalWidth)), leftOut };
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
    text += `${table.toString().replace(/ +$/gm, '')}\n`;
  }
  return text;
}

/**
 * Whether the table says who is behind impersonations, so that their addresses are looked up only for that. In a pipe
 * the columns are the same whoever is impersonated.
 */
export function showsImpersonator(
  sessions: readonly Session[],
  wide: boolean,
  { interactive }: Terminal,
): boolean {
  return wide || (interactive && sessions.every(({ impersonatedBy }) => impersonatedBy !== null));
}

const borderless = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '',
  'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: GAP,
} as const; // prettier-ignore

function columnsOf(
  sessions: readonly Session[],
  { now, terminal, styles, wide, emails }: SessionTableOptions,
): readonly Column[] {
  const { interactive } = terminal;
  // A pipe's reader splits at two spaces; a terminal's reader must not be disfigured by towers of marks.
  const text = interactive ? terminalText : (value: string) => safeText(value).replace(/ {2,}/g, ' ').trim();
  const cell = (value: string | null) => (value === null || value.trim() === '' ? ABSENT : text(value));
  const cells = (read: (session: Session) => string | null) => sessions.map((session) => cell(read(session)));
  const time = (read: (session: Session) => Instant | null) => {
    return cells((session) => {
      const instant = read(session);
      return instant === null || !interactive ? instant : relativeTime(instant, now);
    });
  };
  const wholeIds = !interactive || wide || terminal.width >= WIDTH_FOR_WHOLE_IDS;
  const ids = wholeIds ? sessions.map(({ id }) => id) : shortIds(sessions);
  const sameState = sessions.every(({ state }) => state === sessions[0]?.state);
  const impersonator = {
    title: 'impersonated by',
    shortTitle: 'by',
    cells: cells(({ impersonatedBy: id }) => (id === null ? null : (emails.get(id) ?? id))),
    minimum: 8,
    comfortable: 18,
    importance: 4.5,
  };
  const columns: readonly Omit<Column, 'cellsWidth'>[] = [
    { title: 'id', cells: ids.map(cell) },
    { title: 'user', cells: cells(userOf), minimum: 10, comfortable: 20, importance: 7 },
    {
      title: 'state',
      cells: cells(({ state }) => state),
      style: (cell, row) => (sessions[row]?.state === 'active' ? styles.green(cell) : styles.dim(cell)),
      // Whether it has expired can be seen from when it expires.
      importance: sameState ? 0 : 2,
      expendable: true,
    },
    { title: 'created', cells: time(({ createdAt }) => createdAt), importance: 1, expendable: true },
    { title: 'last active', shortTitle: 'active', cells: time(({ updatedAt }) => updatedAt), importance: 5 },
    { title: 'expires', cells: time(({ expiresAt }) => expiresAt), importance: 4 },
    {
      title: 'IP',
      cells: cells(({ ipAddress }) => shortAddress(ipAddress)),
      minimum: 20,
      comfortable: 20,
      importance: 6,
    },
    {
      title: 'device',
      cells: cells(({ userAgent }) => deviceOf(userAgent)),
      minimum: 8,
      comfortable: 18,
      importance: 3,
    },
    ...(showsImpersonator(sessions, wide, terminal) ? [impersonator] : []),
    ...(wide ? [{ title: 'user agent', cells: cells(({ userAgent }) => userAgent) }] : []),
  ];
  return columns.map((column) => ({ ...column, cellsWidth: widest(column.cells) }));
}

function userOf({ userEmail, userName, userId }: Session): string {
  return [userEmail, userName].find((name) => name !== null && name.trim() !== '') ?? userId ?? '';
}

/** The shortest beginnings that tell these sessions apart, and that `show` and `revoke` take. */
function shortIds(sessions: readonly Session[]): readonly string[] {
  const ids = sessions.map(({ id }) => id);
  const different = new Set(ids).size;
  const longest = ids.reduce((length, id) => Math.max(length, id.length), 0);
  let length = SHORTEST_ID_PREFIX;
  while (length < longest && new Set(ids.map((id) => id.slice(0, length))).size < different) length += 1;
  return ids.map((id) => id.slice(0, length));
}

function styled(cell: string, row: number, style: Column['style']): string {
  return style === undefined ? cell : style(cell, row);
}

/** Chooses and cuts columns so that no line is wider than `width`. */
function fitted(
  all: readonly Column[],
  width: number,
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
    columns: columns.map((column, at) => cut(column, widths[at] ?? 0)),
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

function cut(column: Column, width: number): Column {
  const cells = column.cells.map((cell) => cutText(cell, width));
  return { ...column, title: cutText(column.title, width), cells, cellsWidth: widest(cells) };
}
