import type { HistoryRecord } from '../../history/history-record.ts';
import type { DatabaseConnection } from './connect.ts';
import type { HistoryTable } from './shape.ts';

/** The record of sessionctl's changes, kept in the database itself, so that it can be read from any host. */
export interface DatabaseHistory {
  /** Not aborted by the run's signal. An existing record is not written again. */
  append(record: HistoryRecord): Promise<void>;
  /**
   * The last `limit` records as they were written, intact or not, newest first.
   * @throws FailedError where a row is not a record
   */
  read(limit: number): Promise<readonly HistoryRecord[]>;
}

/** The history in its table; null if the table does not exist. */
export function createHistory(
  { knex, dialect, guard, persist }: DatabaseConnection,
  history: HistoryTable | null,
): DatabaseHistory | null {
  if (history === null) return null;
  return {
    append: (record) =>
      persist(async () => {
        const { appendToHistoryTable } = await import('./history-table.ts');
        await appendToHistoryTable(knex, dialect, history, record);
      }),
    read: (limit) =>
      guard(async () => {
        const { readHistoryTable } = await import('./history-table.ts');
        return readHistoryTable(knex, history, limit);
      }),
  };
}
