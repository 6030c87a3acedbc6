import type { DialectName } from './dialect-name.ts';
import type { Instant } from './instant.ts';
import type { Selection } from './selection.ts';
import type { Session, User } from './session.ts';

/** The database that a run works on, safe to print. */
export interface Target {
  /** Null where no profile of a configuration was used. */
  readonly profile: string | null;
  readonly dialect: DialectName;
  /** `host:port/name` or the path of the file, never a credential. */
  readonly database: string;
  /** `host:port/number` of secondary storage, where one is configured. */
  readonly redis: string | null;
}

export const sortFields = [
  'lastActiveAt',
  'updatedAt',
  'createdAt',
  'expiresAt',
  'id',
  'userId',
  'userEmail',
  'ipAddress',
  'userAgent',
] as const;

/** Fields of Better Auth's session that a deployment may lack. */
export type OptionalField = 'ipAddress' | 'userAgent' | 'impersonatedBy';

export type SortField = (typeof sortFields)[number];

export interface SortOrder {
  readonly field: SortField;
  readonly direction: 'asc' | 'desc';
}

/** A place in secondary storage that holds sessions, other than the configured one. */
export interface SecondaryPlace {
  readonly keyPrefix: string;
  /** The number of the Redis database; null for the configured one. */
  readonly database: number | null;
  /** Users of the database who have sessions there, as far as they were counted. */
  readonly users: number;
}

/** A contradiction between the configuration and the stores about where sessions are. */
export interface Mismatch {
  /**
   * `rows` that are left alone; `nothing` in Redis where sessions should be; sessions of users whom the database does
   * not know (`strangers`). `empty`: no session anywhere, which may be right. `untouched`: only Redis holds sessions,
   * and nothing under the prefix shows that Better Auth has ever written there.
   */
  readonly kind: 'rows' | 'nothing' | 'strangers' | 'empty' | 'untouched';
  /** For a reader. */
  readonly text: string;
  /** What to do about it. */
  readonly hint: string;
  /** Other places where users of the database have sessions; empty where none is known. */
  readonly elsewhere: readonly SecondaryPlace[];
}

export interface ListOptions {
  /** Null gives sessions in the store's own order, which is fastest. */
  readonly sort: SortOrder | null;
  /** Maximum number of sessions. */
  readonly limit?: number | undefined;
}

/** Finds sessions and shows them. */
export interface ReadingStore {
  readonly target: Target;

  /** The store's clock, read once when it was opened. It decides what is active, not the administrator's clock. */
  readonly now: Instant;

  /**
   * Milliseconds that a refresh gives a session, if the profile sets it: then activity is also read from expiries.
   * Otherwise null.
   */
  readonly expiresIn: number | null;

  /** Cautions about times, such as an assumed time zone. */
  readonly cautions: readonly string[];

  /** False where times are stored without a zone and no zone is configured: then moments may be hours off. */
  readonly zoneKnown: boolean;

  /** Fields that sessions have no column for here, so their values are unknown. */
  readonly absent: readonly OptionalField[];

  /** The database may hide sessions from this account: even if none is seen, some may exist. */
  readonly hidesRows: boolean;

  /**
   * Refuses a selection that needs a missing column, before anything is asked or done.
   * @param sort the field that a list is ordered by; null for none
   * @throws SchemaError naming the field, the option and the key of the configuration
   */
  requireColumns(selection: Selection, sort: SortField | null): void;

  /**
   * Users whose id or e-mail address is `who`. An id that only sessions know counts as well: its user is deleted. An
   * address matches without regard to case, an exact one first. Empty where there is none.
   */
  findUsers(who: string): Promise<readonly User[]>;

  /** Ids of sessions that are `id` or begin with it, the exact one alone where it exists; at most `limit`. */
  findSessionIds(id: string, limit: number): Promise<readonly string[]>;

  /** The ids among these that exist, byte for byte. */
  existingSessionIds(ids: readonly string[]): Promise<ReadonlySet<string>>;

  /** For each token the id of its session, or null. */
  findSessionIdsByToken(tokens: readonly string[]): Promise<readonly (string | null)[]>;

  /**
   * The sessions of a selection, in chunks, so that two million stream in constant memory. When sorted by a time,
   * sessions without it come last.
   */
  list(selection: Selection, options: ListOptions): AsyncIterable<readonly Session[]>;

  /** How many sessions `list` would give without a limit. */
  count(selection: Selection): Promise<number>;

  /**
   * The current time of the store's clock. Not aborted by the run's signal: the report needs the time at which the work
   * ended.
   */
  readClock(): Promise<Instant>;

  /**
   * A contradiction between the configuration and the stores about where sessions are; null where they agree, as far as
   * one check can tell.
   */
  findMismatch(): Promise<Mismatch | null>;

  /**
   * The number of keys of secondary storage seen so far that look like sessions, may be selected, and are unreadable.
   * Better Auth may accept them.
   */
  unreadable(): number;
}
