import type { Socket } from 'node:net';
import type { Knex } from 'knex';

/** A table as it is named in statements. */
export interface NamedTable {
  readonly schema: string | null;
  readonly name: string;
}

/** Code or a key of the operator's own that changing a table would meet. */
export interface FoundObstacle {
  /** A keeping trigger can undo the change without an error. */
  readonly kind: 'rule' | 'keeping trigger' | 'trigger' | 'foreign key';
  readonly name: string;
  /** The table that a foreign key belongs to. */
  readonly place: string | null;
}

/** What the databases differ in when a deployment is examined: beside `Dialect`, and loaded when needed. Nothing changes anything. */
export interface ExaminationDialect {
  /**
   * Has the rights that a statement needs checked, by having it planned and not run.
   * Null where rights are those of a file.
   */
  readonly plan: ((knex: Knex, statement: Knex.Raw) => Promise<unknown>) | null;

  /** Rules and triggers that run at such a change of the table, and foreign keys that may not allow it. */
  obstacles(knex: Knex, table: NamedTable, change: 'DELETE' | 'UPDATE'): Promise<readonly FoundObstacle[]>;

  /** The socket of a connection of the driver's own; null where there is none. */
  readonly socketOf: ((connection: object) => Socket) | null;

  /** Why nothing can be changed, in words; null where it can. */
  findReadOnly(knex: Knex): Promise<string | null>;

  /** A statement that gives this account a right; null where there are no accounts. */
  grant(knex: Knex, right: string, table: NamedTable): Promise<string | null>;

  /** A statement by which this account sees the rows that policies hide; null where there are none. */
  seeAllRows(knex: Knex): Promise<string | null>;

  /** A statement after which the database sets a column no longer by itself; null where its definition cannot be told. */
  keepColumn(knex: Knex, table: NamedTable, column: string): Promise<string | null>;
}
