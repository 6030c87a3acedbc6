import type { Socket } from 'node:net';
import type { Knex } from 'knex';

/** A table as statements name it. */
export interface NamedTable {
  readonly schema: string | null;
  readonly name: string;
}

/** A trigger, rule or foreign key of the operator that affects a change of a table. */
export interface FoundObstacle {
  /** A keeping trigger can undo the change without an error. */
  readonly kind: 'rule' | 'keeping trigger' | 'trigger' | 'foreign key';
  readonly name: string;
  /** The table that a foreign key belongs to. */
  readonly place: string | null;
}

/**
 * The differences between the databases when a deployment is checked. Loaded only when needed. No function changes
 * anything.
 */
export interface ExaminationDialect {
  /**
   * Checks the rights that a statement needs: the database plans the statement and does not run it. Null where the
   * rights are those of a file.
   */
  readonly plan: ((knex: Knex, statement: Knex.Raw) => Promise<unknown>) | null;

  /** Rules and triggers that run at such a change of the table, and foreign keys that may forbid it. */
  obstacles(knex: Knex, table: NamedTable, change: 'DELETE' | 'UPDATE'): Promise<readonly FoundObstacle[]>;

  /** The socket of the driver's own connection; null where there is none. */
  readonly socketOf: ((connection: object) => Socket) | null;

  /** The reason why the database is read-only, as text; null if it can be written. */
  findReadOnly(knex: Knex): Promise<string | null>;

  /** A statement that gives this account a right; null where there are no accounts. */
  grant(knex: Knex, right: string, table: NamedTable): Promise<string | null>;

  /** A statement that lets this account see the rows that policies hide; null where there are no policies. */
  seeAllRows(knex: Knex): Promise<string | null>;

  /**
   * A statement that stops the database from setting a column by itself; null where the column's definition cannot be
   * determined.
   */
  keepColumn(knex: Knex, table: NamedTable, column: string): Promise<string | null>;
}
