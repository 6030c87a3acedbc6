import type { HistoryRun } from '../history/history-runs.ts';
import type { Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/reading-store.ts';
import { cutText, ellipsisFor } from './fit-text.ts';
import { fittedTable, tableCell, type FittedTable, type TableColumn } from './fitted-table.ts';
import { relativeTime } from './relative-time.ts';
import type { Styles, Terminal } from './styles.ts';

interface HistoryTableOptions {
  readonly now: Instant;
  readonly terminal: Terminal;
  readonly styles: Styles;
  /** Shows the database of each run. */
  readonly databases: boolean;
  /** Nothing is cut or hidden. */
  readonly wide: boolean;
}

/** Columns of the screen. A table shows no more of a thousand ids, or of a long error, unless it is wide. */
const LONGEST_CELL = 100;

/**
 * Runs as a table with a row each: all columns in a pipe, fitted to the width of a terminal, whole where it is wide.
 */
export function historyTable(runs: readonly HistoryRun[], options: HistoryTableOptions): FittedTable {
  return fittedTable(columnsOf(runs, options), { ...options, whole: options.wide });
}

function columnsOf(
  runs: readonly HistoryRun[],
  { now, terminal, styles, databases, wide }: HistoryTableOptions,
): readonly TableColumn[] {
  const cell = tableCell(terminal, wide);
  const cells = (read: (run: HistoryRun) => string | null) => runs.map((run) => cell(read(run)));
  const texts = (read: (run: HistoryRun) => string | null) =>
    wide ? cells(read) : cells(read).map((text) => cutText(text, LONGEST_CELL, ellipsisFor(terminal)));
  const count = (read: (run: HistoryRun) => number | null) => cells((run) => read(run)?.toString() ?? null);
  const database = {
    title: 'database',
    cells: cells(({ target }) => (terminal.interactive ? nameFirst(target) : target.database)),
    minimum: 10,
    comfortable: 20,
    importance: 4,
  };
  const detail = {
    title: 'detail',
    cells: texts((run) => run.detail),
    minimum: 12,
    comfortable: 24,
    importance: 0,
    expendable: true,
  };
  return [
    {
      title: 'when',
      cells: cells(({ startedAt }) => (terminal.interactive ? relativeTime(startedAt, now) : startedAt)),
    },
    {
      title: 'who',
      cells: cells(({ operator }) => `${operator.user}@${operator.host}`),
      minimum: 8,
      comfortable: 14,
      importance: 5,
    },
    { title: 'command', cells: cells(({ command }) => command), importance: 6 },
    ...(databases ? [database] : []),
    { title: 'selection', cells: texts(({ selection }) => selection), minimum: 10, comfortable: 18 },
    { title: 'matched', cells: count(({ matched }) => matched), importance: 1, expendable: true },
    { title: 'revoked', cells: count(({ revoked }) => revoked), importance: 3 },
    {
      title: 'outcome',
      cells: cells(({ outcome }) => outcome),
      style: (text, row) => outcomeStyle(runs[row]?.outcome, styles)(text),
      importance: 7,
    },
    { title: 'reason', cells: texts(({ reason }) => reason), minimum: 8, comfortable: 12, importance: 2 },
    // A program that splits lines expects the same columns every time; a person does not need an empty one.
    ...(runs.some((run) => run.detail !== null) || wide || !terminal.interactive ? [detail] : []),
  ];
}

/** Databases differ more in their names than in their servers, and a cell is cut at its end. */
function nameFirst({ dialect, database }: Target): string {
  const slash = database.lastIndexOf('/');
  if (slash === -1) return database;
  const place =
    dialect === 'sqlite' ? `in ${database.slice(0, slash + 1)}` : `on ${database.slice(0, slash)}`;
  return `${database.slice(slash + 1)} ${place}`;
}

function outcomeStyle(outcome: HistoryRun['outcome'] | undefined, styles: Styles): (text: string) => string {
  switch (outcome) {
    case 'complete':
      return styles.green;
    case 'failed':
    case 'survivors':
      return styles.red;
    case 'partial':
    case 'unfinished':
      return styles.yellow;
    case 'refused':
    case 'cancelled':
    case undefined:
      return styles.dim;
    default:
      return outcome satisfies never;
  }
}
