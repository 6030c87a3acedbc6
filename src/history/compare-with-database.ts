import type { HistoryContent, HistoryProblem } from './history-chain.ts';
import { isIntact, type HistoryRecord } from './history-record.ts';

/**
 * Adds the problems that only the database's own history can show: records that the file has lost at its end, or that
 * were written anew with matching hashes. A record of the database is known to be from this file if it follows one of
 * the file's records or belongs to a run that the file has. An append writes the file first, so the file must have it.
 *
 * Other records of this operator and host are a remark: they are from another file, or their whole run is missing here.
 * @param kept the newest records of the database, newest first
 * @param line for the problems: the line after the last one
 */
export function compareWithDatabase(
  { records, problems, remarks }: HistoryContent,
  kept: readonly HistoryRecord[],
  operator: HistoryRecord['operator'],
  line: number,
): HistoryContent {
  const hashes = new Set(records.map(({ hash }) => hash));
  const known = new Set(hashes);
  const runs = new Set(records.map(({ runId }) => runId));
  const found: HistoryProblem[] = [];
  let others = 0;
  for (const record of kept.toReversed()) {
    if (hashes.has(record.hash) && isIntact(record)) continue;
    const which = `record ${String(record.sequence)} of run ${record.runId}`;
    if (!isIntact(record)) {
      found.push({ line, kind: 'changed', message: `${which} in the database is not as it was written` });
    } else if (known.has(record.previous) || runs.has(record.runId)) {
      found.push({ line, kind: 'missing', message: `${which} is in the database, but not in this file` });
      known.add(record.hash);
      runs.add(record.runId);
    } else if (record.operator.user === operator.user && record.operator.host === operator.host) others += 1;
  }
  const name = `${operator.user}@${operator.host}`;
  const message = `the database has records of ${name} that are not in this file: ${String(others)}, from another file or lost here`;
  return {
    records,
    problems: [...problems, ...found],
    remarks: others === 0 ? remarks : [...remarks, { line, kind: 'other-file', message }],
  };
}
