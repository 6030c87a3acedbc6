import type { Instant } from './instant.ts';
import type { Selection } from './selection.ts';
import type { Session, User } from './session.ts';

/** Which database a run works on, fit to be printed. */
export interface Target {
  /** Null where no profile of a configuration was used. */
  readonly profile: string | null;
  readonly dialect: 'postgresql' | 'mysql' | 'sqlite';
  /** `host:port/name` or the path of the file, never a credential. */
  readonly database: string;
  /** `host:port/number` of secondary storage, where one is configured. */
  readonly redis: string | null;
}

export const sortFields = [
  'updatedAt',
  'createdAt',
  'expiresAt',
  'id',
  'userId',
  'userEmail',
  'ipAddress',
  'userAgent',
] as const;

export type SortField = (typeof sortFields)[number];

export interface SortOrder {
  readonly field: SortField;
  readonly direction: 'asc' | 'desc';
}

export interface ListOptions {
  /** Null gives sessions in the order in which the store holds them, which is the fastest. */
  readonly sort: SortOrder | null;
  /** At most so many sessions. */
  readonly limit?: number | undefined;
}

/** A place that sessions stand in. Every implementation passes one contract suite on real servers. */
export interface SessionStore {
  readonly target: Target;
  /** The store's clock, read once when it was opened: it decides what is active, not the administrator's. */
  readonly now: Instant;
  /** What the reader of times should know, such as a time zone that was assumed. */
  readonly cautions: readonly string[];

  /**
   * Users whose id or e-mail address is `who`. An id that only sessions know counts as well: its user is gone.
   * An address matches without regard to case, an exact one first. Empty where there is none.
   */
  findUsers(who: string): Promise<readonly User[]>;

  /** Ids of sessions that are `id` or begin with it, the exact one alone where it exists; at most `limit`. */
  findSessionIds(id: string, limit: number): Promise<readonly string[]>;

  /**
   * The sessions of a selection, in chunks so that two million stream at constant memory.
   * @throws SchemaError when a row holds a time that the recognised encoding cannot mean
   */
  list(selection: Selection, options: ListOptions): AsyncIterable<readonly Session[]>;

  /** How many sessions `list` would give without a limit. */
  count(selection: Selection): Promise<number>;
}
