import type { SharedHistory } from '../../../history/shared-history.ts';
import type { DatabaseConnection } from '../connect/connect.ts';
import type { HistoryTable } from '../schema/shape.ts';

/** The history in its table; null if the table does not exist. */
export function createHistory(
  { knex, dialect, guard, persist }: DatabaseConnection,
  history: HistoryTable | null,
): SharedHistory | null {
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
