import type { Instant } from './instant.ts';
import type { Obstacle } from './obstacle.ts';
import type { Selection } from './selection.ts';
import type { Session, User } from './session.ts';
import type { WaysBackCounts, WaysBackStore } from './ways-back.ts';

/** The database that a run works on, safe to print. */
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

/** The totals for a planned revocation, counted by the store. */
export interface Survey {
  readonly sessions: number;
  readonly users: number;
  /** Those that have not expired by the store's clock. */
  readonly active: number;
  /** The latest sign-in among them; null where there is none. */
  readonly newest: Instant | null;
  /** Tokens of the OAuth provider that are bound to these sessions; null where the deployment has none. */
  readonly oauthTokens: {
    /** End together with their session. */
    readonly bound: number;
    /** Refresh tokens with the scope `offline_access`, which stay valid after their session. */
    readonly offline: number;
  } | null;
  /** API keys that belong to these users; null where the deployment has none. */
  readonly apiKeys: number | null;
  /**
   * The latest sign-in of each user among them, null where it is not known; null altogether where no user is marked by
   * it.
   */
  readonly newestOf: ReadonlyMap<string, Instant | null> | null;
  /** What lets these users in again after their sessions have ended. */
  readonly waysBack: WaysBackCounts;
  /**
   * Sessions outside the selection that the selected users opened as administrators; null where impersonation is not
   * possible.
   */
  readonly impersonations: number | null;
}

export interface MarkedUsers {
  readonly selection: Selection;
  /** See `Survey.newestOf`. */
  readonly newestOf: ReadonlyMap<string, Instant | null>;
  /** The selection is known to contain every session of these users. */
  readonly isWhole: boolean;
}

export interface EndOptions {
  /**
   * Null deletes rows. A moment keeps each row as a record: its expiry, if later, becomes this moment and nothing else
   * changes (Better Auth's `preserveSessionInDatabase`).
   */
  readonly preserveAt: Instant | null;
  /** Refresh tokens with `offline_access` are revoked too. */
  readonly offlineTokens: boolean;
  /** Maximum sessions that may be ended; null for no limit. */
  readonly atMost: number | null;
  /** Called with the reason for a delay, such as a lost connection. */
  readonly remark: (text: string) => void;
  /** How sessions that are not named by id are found; by default on a walk. */
  readonly way?: SweepWay | undefined;
  /** The part of the table to cover; by default all of it. */
  readonly stretch?: Stretch | undefined;
  readonly pace?: Pace | undefined;
}

/**
 * A part of the way through a table, between two positions in the form of `EndedBatch.position`. A position that the
 * store does not recognise, since the table has changed, counts as the beginning.
 */
export interface Stretch {
  /** Null for the beginning of the table. */
  readonly from: string | null;
  /** Null for its end. */
  readonly until: string | null;
}

/** How a sweep finds expired rows: on a walk through the whole table, or by an index on the expiry. */
export type SweepWay = 'walk' | 'index';

/** How a sweep progresses. */
export interface Pace {
  /** Rows that a batch reads; null adapts to how long a batch takes. */
  readonly rows: number | null;
  /** Stops the work after the current batch, like the run's own signal. */
  readonly stop: AbortSignal;
  /** Called before every batch, and before it is tried again. If it throws, the work stops. */
  readonly before: () => Promise<void>;
}

/** An estimate of the expired rows from the store's statistics, without counting. */
export interface SweepOutlook {
  readonly way: SweepWay;
  /** The name of the session table; null where sessions are in none. */
  readonly table: string | null;
}

/** The outcome of one transaction, even if it only read rows that are not selected. */
export interface EndedBatch {
  readonly sessions: number;
  /** Of those, how many were deleted from secondary storage; such a session may be in the database as well. */
  readonly secondary: number;
  readonly oauthTokens: number;
  /** The connection broke while the answer was on its way: more may have ended than is counted here. */
  readonly uncertain: boolean;
  /** The approximate number of rows read. */
  readonly rows: number;
  /** Duration in milliseconds, without the waiting for locks. */
  readonly milliseconds: number;
  /** Nothing of the selection remains after it. */
  readonly isLast: boolean;
  /**
   * Where the next batch begins, for a run that continues from there; null for the beginning, and after the last batch.
   */
  readonly position: string | null;
}

/** What remains after the work. */
export interface Remaining {
  /**
   * Sessions that may be meant as well: a time that the selection compares is absent or unreadable, and the rest of the
   * selection matches.
   */
  readonly unreadableTimes: number;
  readonly sessions: number;
  /** Of those, how many are in secondary storage. */
  readonly secondary: number;
  /** Of those, how many are unusable: a late request wrote them back, and Better Auth refuses them by its mark. */
  readonly shutOut: number;
  readonly ids: readonly string[];
}

/** A store of sessions. Every implementation passes the same contract suite on real servers. */
export interface SessionStore {
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

  /**
   * Users whose id or e-mail address is `who`. An id that only sessions know counts as well: its user is deleted. An
   * address matches without regard to case, an exact one first. Empty where there is none.
   */
  findUsers(who: string): Promise<readonly User[]>;

  /** Fields that sessions have no column for here, so their values are unknown. */
  readonly absent: readonly OptionalField[];

  /**
   * Refuses a selection that needs a missing column, before anything is asked or done.
   * @param sort the field that a list is ordered by; null for none
   * @throws SchemaError naming the field, the option and the key of the configuration
   */
  requireColumns(selection: Selection, sort: SortField | null): void;

  /** Ids of sessions that are `id` or begin with it, the exact one alone where it exists; at most `limit`. */
  findSessionIds(id: string, limit: number): Promise<readonly string[]>;

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

  /** False where times are stored without a zone and no zone is configured: then moments may be hours off. */
  readonly zoneKnown: boolean;

  /** Ids of sessions of the selection that `end` would end; at most `limit`. */
  pick(selection: Selection, limit: number): Promise<readonly string[]>;

  /** The database may hide sessions from this account: even if none is seen, some may exist. */
  readonly hidesRows: boolean;

  /**
   * Rules, triggers and foreign keys in the database that affect ending sessions.
   * @param preserve rows are kept as records
   */
  findObstacles(preserve: boolean): Promise<readonly Obstacle[]>;

  /**
   * The reason why the database would refuse to end any session, as far as it is known without running a statement;
   * null where it would not refuse.
   */
  findRefusal(preserve: boolean, included: ReadonlySet<string>): Promise<string | null>;

  /** Tokens of an OAuth provider are bound to sessions here. */
  readonly bindsTokens: boolean;

  /** The application issues tokens of the JWT plugin, which sessionctl cannot end. */
  readonly handsOutJwts: boolean;

  /** The ids among these that exist, byte for byte. */
  existingSessionIds(ids: readonly string[]): Promise<ReadonlySet<string>>;

  /** For each token the id of its session, or null. */
  findSessionIdsByToken(tokens: readonly string[]): Promise<readonly (string | null)[]>;

  /**
   * Counts the selected sessions and what is attached to them.
   * @param namedUsers users whose ways back are counted instead of those of the sessions' users, if there are any
   */
  survey(selection: Selection, namedUsers?: readonly string[]): Promise<Survey>;

  readonly waysBack: WaysBackStore;

  /**
   * Where secondary storage has marks of when all sessions of a user ended, sets those of the users whose sessions are
   * all selected. Better Auth honours them from 1.7.16 on: then no request in progress can bring such a session back.
   * @returns how many users were marked
   */
  markUsers(meant: MarkedUsers): Promise<number>;
  /** Whether the release of Better Auth honours those marks; null where it is not known. */
  readonly heedsMarks: boolean | null;

  /**
   * Checks after the work: the number of sessions that remain, and up to `limit` of their ids. Not aborted by the run's
   * signal.
   * @param patience `patient`, the default, waits for a lost connection; `once` tries only once
   */
  lookAgain(selection: Selection, limit: number, patience?: 'patient' | 'once'): Promise<Remaining>;

  /**
   * Tries the statements of `end` on no row, so that a missing right shows before anything is changed.
   * @param patience `once`, the default, fails where another transaction holds a lock; `patient` waits for it
   * @throws ConnectionError naming the right that the account lacks
   */
  rehearseEnding(options: Pick<EndOptions, 'preserveAt'>, patience?: 'patient' | 'once'): Promise<void>;

  /**
   * Ends the sessions of a selection in one pass, in short transactions that each repeat the condition. Sessions named
   * by id are found by their ids, others on a walk through the whole table. Between batches it checks the run's signal,
   * and returns early after it. Deadlocks, locks and lost connections are retried.
   * @throws ConnectionError when the database keeps refusing; the work of earlier batches stays done
   */
  end(selection: Selection, options: EndOptions): AsyncIterable<EndedBatch>;

  /**
   * Milliseconds for which sessions must stay gone after they were ended, since a request in progress may bring one
   * back; 0 where an ended session cannot come back.
   */
  readonly settle: number;

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

  /** Sweeps secondary storage, including leftovers other than expired sessions; null where there is none. */
  readonly secondary: SecondarySweep | null;

  /** The best way to sweep the sessions that had certainly expired at a moment. */
  sweepOutlook(expiredAt: Instant): Promise<SweepOutlook>;

  /**
   * A random position in a sweep's walk, found without reading the table; null for the beginning where there is none.
   */
  somewhere(way: SweepWay): Promise<string | null>;

  /**
   * Counts the rows of a selection in the table. Not aborted by the run's signal.
   * @param milliseconds that it may take, about
   * @returns null where that was not enough
   */
  countWithin(selection: Selection, milliseconds: number): Promise<number | null>;

  /** Expired `verification` rows; null where there is no such table, or none that is recognised. */
  readonly verifications: Verifications | null;

  /** Does the work of `end` at once, while no other client uses the database; null where that is not faster. */
  readonly offline: OfflineSweep | null;
}

/** The outcome of one step of a sweep of secondary storage, or what it would be. */
export interface SweptSecondary {
  /** Expired sessions that still existed. */
  readonly expired: number;
  /** Sessions whose user is deleted; without a sweep they would stay valid. */
  readonly orphans: number;
  /** Entries of users' lists that no longer named a session. */
  readonly indexEntries: number;
  /** Users' lists that would never have expired. */
  readonly immortalIndexes: number;
}

/** The outcome of one step of a sweep of secondary storage. */
export interface SweepStep extends SweptSecondary {
  /** An answer was lost: more may be gone than is counted. */
  readonly uncertain: boolean;
}

export interface SecondarySweep {
  /**
   * The number of rows that had certainly expired at a moment and are kept: secondary storage, which Better Auth trusts
   * first, holds their sessions alive, or holds an unreadable value.
   */
  countKept(expiredAt: Instant): Promise<number>;
  /**
   * Deletes sessions that had certainly expired at a moment and those whose user is deleted, and tidies users' lists.
   * @param options.dryRun only counts
   */
  sweep(
    expiredAt: Instant,
    options: {
      readonly dryRun: boolean;
      readonly stop: AbortSignal;
      readonly before: () => Promise<void>;
      readonly remark: (text: string) => void;
    },
  ): AsyncIterable<SweepStep>;
}

/** Better Auth's records of mailed links and codes. */
export interface Verifications {
  /** The name of the table. */
  readonly table: string;
  /** Deletes rows that had certainly expired at a moment, like `end` with sessions. */
  sweep(
    expiredAt: Instant,
    options: Pick<EndOptions, 'atMost' | 'remark' | 'pace' | 'stretch'>,
  ): AsyncIterable<EndedBatch>;
  /** The number of rows that had. */
  count(expiredAt: Instant): Promise<number>;
  /** See `SessionStore.countWithin`. */
  countWithin(expiredAt: Instant, milliseconds: number): Promise<number | null>;
  /**
   * Tries the deletion on no row.
   * @throws ConnectionError naming the right that the account lacks
   */
  rehearse(): Promise<void>;
}

export interface OfflineSweep {
  /**
   * A single DELETE of rows that had certainly expired at a moment.
   * @param exceptIds sessions that are kept
   */
  sweep(
    expiredAt: Instant,
    exceptIds?: readonly string[],
  ): Promise<Pick<EndedBatch, 'sessions' | 'oauthTokens' | 'milliseconds'>>;
  /** Returns the space of deleted rows to the file system. */
  vacuum(): Promise<void>;
}
