import type { HistoryRun } from '../history/history-runs.ts';
import { jsonText } from './json-text.ts';

/** The runs as one array, one run per line. */
export function historyJson(runs: readonly HistoryRun[]): string {
  return runs.length === 0 ? '[]\n' : `[\n${runs.map((run) => jsonText(run)).join(',\n')}\n]\n`;
}

/** One run per line. */
export function historyJsonLines(runs: readonly HistoryRun[]): string {
  return runs.map((run) => `${jsonText(run)}\n`).join('');
}
