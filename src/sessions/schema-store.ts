import type { Target } from './session-store.ts';

/** done: it is there; pending: it is missing; optional: it is missing, and nothing waits for it. */
export type SchemaPartState = 'done' | 'pending' | 'optional';

/** Something that sessionctl can add to a database. */
export interface SchemaPart {
  readonly name: 'core-tables' | 'history-table' | 'expiry-index';
  readonly state: SchemaPartState;
  /** What is there, or what is missing, in words. */
  readonly detail: string;
}

/** A step of a change, with the statements that it is made of. */
export interface SchemaStep {
  readonly title: string;
  readonly statements: readonly string[];
}

/** What a change would do at present. */
export interface SchemaChange {
  /** In their order; empty where there is nothing to do. */
  readonly steps: readonly SchemaStep[];
  /** What whoever agrees to it has to know. */
  readonly cautions: readonly string[];
}

export interface RollbackPlan extends SchemaChange {
  /** Records of the history that go with its table; null where there is none. */
  readonly records: number | null;
}

export interface MigrationOptions {
  /** Also builds the index on the expiry of sessions. */
  readonly expiryIndex: boolean;
}

/** The schema of a database: what is there of it, and how it is changed. */
export interface SchemaStore {
  readonly target: Target;
  /** Such as `PostgreSQL 15.20`. */
  readonly server: string;

  /** What was there and what was missing when this was opened. */
  readonly parts: readonly SchemaPart[];

  /**
   * What `migrate` would do.
   * @throws SchemaError where an index is wanted that cannot be built beside running writes
   */
  planMigration(options: MigrationOptions): SchemaChange;

  /**
   * Adds what is missing, alone: waits while another run changes the schema.
   * @param remark told what delays it
   * @throws ConnectionError naming the right that is missing; IncompleteError where the signal ends the building of an index
   */
  migrate(options: MigrationOptions, remark: (text: string) => Promise<void>): Promise<void>;

  /**
   * What `rollback` would do.
   * @throws SchemaError where the core tables are half made: what it would remove says who has begun them
   */
  planRollback(): Promise<RollbackPlan>;

  /** Removes what sessionctl made for itself, alone, and nothing of Better Auth's. Throws as `migrate` does. */
  rollback(remark: (text: string) => Promise<void>): Promise<void>;
}
