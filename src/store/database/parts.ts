import type { Knex } from 'knex';
import type { Instant } from '../../sessions/instant.ts';
import type { Target } from '../../sessions/reading-store.ts';
import type { Dialect } from './dialects/dialect.ts';
import type { SessionTable, Shape } from './schema/shape.ts';

/** The parts that a condition on the session table needs. */
export interface ConditionParts {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly table: SessionTable;
  /** The database's clock: a session with an earlier expiry has expired. */
  readonly now: Instant;
}

/** The parts that all work on the database receives. */
export interface DatabaseStoreParts {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly shape: Shape;
  readonly target: Target;
  readonly now: Instant;
  readonly cautions: readonly string[];
  /** The zone of the application that writes, or null if it is not configured. */
  readonly timeZone: string | null;
  /** See `SessionStore`. */
  readonly expiresIn: number | null;
  /** Rows of ended sessions are kept as records, with an expiry in the past. */
  readonly preserve: boolean;
  readonly signal: AbortSignal;
  /** Runs a query and turns driver errors into errors of sessionctl. Aborted by the signal. */
  readonly guard: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** Like `guard`, but runs to its end even after the signal. */
  readonly settle: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** Like `settle`, but tries again while locks or a lost connection interfere, until the signal. */
  readonly persist: <Result>(work: () => Promise<Result>) => Promise<Result>;
}
