import type { HistoryRun } from '../history/history-runs.ts';
import type { Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/session-store.ts';
import { fittedTable, tableCell, type FittedTable, type TableColumn } from './fitted-table.ts';
import { relativeTime } from './relative-time.ts';
import type { Styles, Terminal } from './styles.ts';

export interface HistoryTableOptions {
  readonly now: Instant;
  readonly terminal: Terminal;
  readonly styles: Styles;
  /** Says which database each run was on. */
  readonly databases: boolean;
}

/** Runs as a table, a row each: whole in a pipe, fitted to the width of a terminal. */
export function historyTable(runs: readonly HistoryRun[], options: HistoryTableOptions): FittedTable {
  return fittedTable(columnsOf(runs, options), { ...options, whole: false });
}

function columnsOf(
  runs: readonly HistoryRun[],
  { now, terminal, styles, databases }: HistoryTableOptions,
): readonly TableColumn[] {
  const cell = tableCell(terminal);
  const cells = (read: (run: HistoryRun) => string | null) => runs.map((run) => cell(read(run)));
  const count = (read: (run: HistoryRun) => number | null) => cells((run) => read(run)?.toString() ?? null);
  const database = {
    title: 'database',
    cells: cells(({ target }) => (terminal.interactive ? nameFirst(target) : target.database)),
    minimum: 10,
    comfortable: 20,
    importance: 4,
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
    { title: 'selection', cells: cells(({ selection }) => selection), minimum: 10, comfortable: 18 },
    { title: 'matched', cells: count(({ matched }) => matched), importance: 1, expendable: true },
    { title: 'revoked', cells: count(({ revoked }) => revoked), importance: 3 },
    {
      title: 'outcome',
      cells: cells(({ outcome }) => outcome),
      style: (text, row) => outcomeStyle(runs[row]?.outcome, styles)(text),
      importance: 7,
    },
    { title: 'reason', cells: cells(({ reason }) => reason), minimum: 8, comfortable: 12, importance: 2 },
  ];
}

/** Databases differ in their names more than in their places, and a cell is cut at its end. */
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
