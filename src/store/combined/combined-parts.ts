import type { WaysBackStore } from '../../sessions/ways-back.ts';
import type { Directory } from '../database/directory.ts';
import type { DatabaseStore } from '../database/open.ts';
import type { SecondaryStorage } from '../redis/secondary-storage.ts';

/** The parts that all work on both stores, or on Redis alone, receives. */
export interface CombinedParts {
  readonly directory: Directory;
  readonly waysBack: WaysBackStore;
  /** The session table, where the application writes sessions to both stores; null where only Redis holds them. */
  readonly table: DatabaseStore | null;
  /** Aborted by the run's signal. */
  readonly secondary: SecondaryStorage;
  /** Runs to its end even after the run's signal. */
  readonly steadfast: SecondaryStorage;
  /** Rows are records (`preserveSessionInDatabase`): a session that Redis does not hold has ended. */
  readonly preserve: boolean;
  /** Milliseconds. */
  readonly settle: number;
  /** Milliseconds that Better Auth keeps the mark that records when all sessions of a user ended. */
  readonly markLife: number;
  /** See `SessionStore`. */
  readonly heedsMarks: boolean | null;
  readonly signal: AbortSignal;
  /** See `SessionStore`. */
  readonly expiresIn: number | null;
}
