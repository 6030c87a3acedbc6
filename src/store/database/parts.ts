import type { Knex } from 'knex';
import type { Instant } from '../../sessions/instant.ts';
import type { Target } from '../../sessions/session-store.ts';
import type { Dialect } from './dialects/dialect.ts';
import type { SessionTable, Shape } from './shape.ts';

/** What a condition on the session table is made of. */
export interface ConditionParts {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly table: SessionTable;
  /** The database's clock: what expires before it is expired. */
  readonly now: Instant;
}

/** What everything that works on the database is given. */
export interface DatabaseStoreParts {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly shape: Shape;
  readonly target: Target;
  readonly now: Instant;
  readonly cautions: readonly string[];
  /** Of the application that writes, or null where nobody said. */
  readonly timeZone: string | null;
  /** As of `SessionStore`. */
  readonly expiresIn: number | null;
  readonly signal: AbortSignal;
  /** Runs a query and turns what the driver throws into the errors of sessionctl. Given up by the signal. */
  readonly guard: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** As `guard`, but carried to its end whatever the signal. */
  readonly settle: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** As `settle`, and tried again while locks or a lost connection are in the way, until the signal. */
  readonly persist: <Result>(work: () => Promise<Result>) => Promise<Result>;
}
