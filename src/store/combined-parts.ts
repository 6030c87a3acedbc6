import type { WaysBackStore } from '../sessions/ways-back.ts';
import type { Directory } from './database/directory.ts';
import type { DatabaseStore } from './database/open.ts';
import type { SecondaryStorage } from './redis/secondary-storage.ts';

/** What everything that works on both stores, or on Redis alone, is given. */
export interface CombinedParts {
  readonly directory: Directory;
  readonly waysBack: WaysBackStore;
  /** The session table, where the application writes sessions into both; null where Redis alone holds them. */
  readonly table: DatabaseStore | null;
  /** Given up by the run's signal. */
  readonly secondary: SecondaryStorage;
  /** Carried to its end whatever the signal. */
  readonly steadfast: SecondaryStorage;
  /** Rows are records (`preserveSessionInDatabase`): what Redis does not hold has ended. */
  readonly preserve: boolean;
  /** Milliseconds. */
  readonly settle: number;
  /** Milliseconds that Better Auth keeps a mark of when all sessions of a user ended. */
  readonly markLife: number;
  /** As of `SessionStore`. */
  readonly heedsMarks: boolean | null;
  readonly signal: AbortSignal;
  /** As of `SessionStore`. */
  readonly expiresIn: number | null;
}
