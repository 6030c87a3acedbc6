import { stringify } from 'csv-stringify/sync';
import type { HistoryRun } from '../history/history-runs.ts';
import { safeText } from './safe-text.ts';

/** Runs as CSV with a header row: the fields of the run object; nested fields have their own names. */
export function historyCsv(runs: readonly HistoryRun[]): string {
  const rows = runs.map(({ operator, target, ...run }) => ({ ...run, ...operator, ...target }));
  const records = rows.map((row) => columns.map((column) => cell(row[column])));
  return stringify([[...columns], ...records], { escape_formulas: true });
}

const columns = [
  'runId', 'command', 'startedAt', 'finishedAt', 'user', 'host', 'version', 'profile', 'dialect', 'database', 'redis',
  'selection', 'reason', 'matched', 'users', 'revoked', 'remaining', 'outcome', 'detail',
  'oauthTokens',
] as const; // prettier-ignore

function cell(value: string | number | null): string {
  return value === null ? '' : safeText(String(value));
}
