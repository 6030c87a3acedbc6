import type { SessionStore } from '../sessions/session-store.ts';
import type { HistoryRecord } from './history-record.ts';

/** The history in the database itself, shared by all operators; `schema migrate` creates its table. */
export interface SharedHistory {
  /** @throws ConnectionError where the account may not write it */
  append(record: HistoryRecord): Promise<void>;
  /**
   * Newest first.
   * @throws FailedError where a row is not a record
   */
  read(limit: number): Promise<readonly HistoryRecord[]>;
}

/** A store with the history of its database, null if it has none. */
export interface RecordedStore extends SessionStore {
  readonly history: SharedHistory | null;
}
