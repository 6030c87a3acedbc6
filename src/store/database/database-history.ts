import type { HistoryRecord } from '../../history/history-record.ts';
import type { DatabaseConnection } from './connect.ts';
import type { HistoryTable } from './shape.ts';

/** What sessionctl changed, kept in the database itself, for whoever looks from anywhere. */
export interface DatabaseHistory {
  /** Not given up by the run's signal. A record that is there already is not written again. */
  append(record: HistoryRecord): Promise<void>;
  /**
   * The last `limit` records, the newest first, as they were written, intact or not.
   * @throws FailedError where a row is no record
   */
  read(limit: number): Promise<readonly HistoryRecord[]>;
}

/** The history in its table; null where there is none. */
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
