import type { SessionStore } from '../sessions/session-store.ts';
import type { HistoryRecord } from './history-record.ts';

/** The history that a database itself keeps, of everybody who works on it; `schema migrate` makes its table. */
export interface SharedHistory {
  /** @throws ConnectionError where the account may not write it */
  append(record: HistoryRecord): Promise<void>;
  /** The newest first. @throws FailedError where a row is no record */
  read(limit: number): Promise<readonly HistoryRecord[]>;
}

/** A store with the history of its database, null where it keeps none. */
export interface RecordedStore extends SessionStore {
  readonly history: SharedHistory | null;
}
