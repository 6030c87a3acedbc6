import type { Target } from './reading-store.ts';

/** done: it exists; pending: it is missing; optional: it is missing, and nothing needs it. */
export type SchemaPartState = 'done' | 'pending' | 'optional';

/** A part that sessionctl can add to a database. */
export interface SchemaPart {
  readonly name: 'core-tables' | 'history-table' | 'expiry-index';
  readonly state: SchemaPartState;
  /** What exists or is missing, for a reader. */
  readonly detail: string;
}

/** A step of a change, with its statements. */
export interface SchemaStep {
  readonly title: string;
  readonly statements: readonly string[];
}

/** What a change would do at present. */
export interface SchemaChange {
  /** In order; empty where there is nothing to do. */
  readonly steps: readonly SchemaStep[];
  /** What the operator must know before agreeing. */
  readonly cautions: readonly string[];
}

export interface RollbackPlan extends SchemaChange {
  /** Records of the history that are deleted with its table; null where there is none. */
  readonly records: number | null;
}

export interface MigrationOptions {
  /** Also builds the index on the expiry of sessions. */
  readonly expiryIndex: boolean;
}

/** The schema of a database: its present state, and its changes. */
export interface SchemaStore {
  readonly target: Target;
  /** For example `PostgreSQL 15.20`. */
  readonly server: string;

  /** The existing and missing parts when this was opened. */
  readonly parts: readonly SchemaPart[];

  /**
   * The steps of `migrate`.
   * @throws SchemaError where an index is requested that cannot be built without blocking writes
   */
  planMigration(options: MigrationOptions): SchemaChange;

  /**
   * Adds the missing parts. Waits while another run changes the schema.
   * @param remark called with the reason for a delay
   * @throws ConnectionError naming the right that is missing; IncompleteError where the signal stops the building of an
   * index
   */
  migrate(options: MigrationOptions, remark: (text: string) => Promise<void>): Promise<void>;

  /**
   * The steps of `rollback`.
   * @throws SchemaError where only some of the core tables exist: the bookkeeping that it would remove shows which
   * program began them
   */
  planRollback(): Promise<RollbackPlan>;

  /** Removes what sessionctl created for itself, and nothing of Better Auth's. Waits and throws like `migrate`. */
  rollback(remark: (text: string) => Promise<void>): Promise<void>;
}
