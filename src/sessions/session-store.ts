import type { Instant } from './instant.ts';
import type { Obstacle } from './obstacle.ts';
import type { Selection } from './selection.ts';
import type { Session, User } from './session.ts';
import type { WaysBackCounts, WaysBackStore } from './ways-back.ts';

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

/** A place in secondary storage where sessions stand, beside the one of the configuration. */
export interface SecondaryPlace {
  readonly keyPrefix: string;
  /** The number of the database of Redis; null for that of the configuration. */
  readonly database: number | null;
  /** Users of the database who have sessions there, as far as they were counted. */
  readonly users: number;
}

/** A disagreement between the configuration and the stores about where sessions stand. */
export interface Mismatch {
  /**
   * `rows` that are left alone; `nothing` in Redis where sessions should be; sessions of users whom the database does not know
   * (`strangers`). `empty`: no session anywhere, which may be right. `untouched`: Redis alone holds sessions, and nothing under
   * the prefix says that Better Auth has ever written there.
   */
  readonly kind: 'rows' | 'nothing' | 'strangers' | 'empty' | 'untouched';
  /** In words for a person. */
  readonly text: string;
  /** What to do about it. */
  readonly hint: string;
  /** Where users of the database have sessions in place of that; empty where that is not known. */
  readonly elsewhere: readonly SecondaryPlace[];
}

export interface ListOptions {
  /** Null gives sessions in the order in which the store holds them, which is the fastest. */
  readonly sort: SortOrder | null;
  /** At most so many sessions. */
  readonly limit?: number | undefined;
}

/** What a revocation is about to meet, counted by the store. */
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
    /** Refresh tokens with the scope `offline_access`, which outlive it. */
    readonly offline: number;
  } | null;
  /** API keys that belong to these users; null where the deployment has none. */
  readonly apiKeys: number | null;
  /** The latest sign-in of each user among them, null where none says when it was; null where nobody is marked by it. */
  readonly newestOf: ReadonlyMap<string, Instant | null> | null;
  /** What lets these users in again after their sessions have ended. */
  readonly waysBack: WaysBackCounts;
  /** Sessions outside of the selection that the selected users opened as administrators; null where nobody can. */
  readonly impersonations: number | null;
}

export interface MarkedUsers {
  readonly selection: Selection;
  /** As `Survey.newestOf`. */
  readonly newestOf: ReadonlyMap<string, Instant | null>;
  /** The selection is known to hold every session of these users. */
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
  /** Sessions that may be ended altogether; null for any number. */
  readonly atMost: number | null;
  /** Told what delays the work, such as a connection that was lost. */
  readonly remark: (text: string) => void;
  /** How the sessions are gone through where they are not named by id: on a walk unless told otherwise. */
  readonly way?: SweepWay | undefined;
  /** The part of the way that is gone; all of it unless told otherwise. */
  readonly stretch?: Stretch | undefined;
  readonly pace?: Pace | undefined;
}

/**
 * A part of the way through a table, between two places in the words of `EndedBatch.position`. A place that the store cannot
 * understand, since the table is another one by now, is taken for the beginning.
 */
export interface Stretch {
  /** Null for the beginning of the table. */
  readonly from: string | null;
  /** Null for its end. */
  readonly until: string | null;
}

/** How a sweep finds what has expired: on a walk through the whole table, or by an index on the expiry. */
export type SweepWay = 'walk' | 'index';

/** How a sweep goes along. */
export interface Pace {
  /** Rows that a batch looks at; null adapts to how long a batch takes. */
  readonly rows: number | null;
  /** Ends the work after the batch at hand, beside the run's own signal. */
  readonly stop: AbortSignal;
  /** Called before every batch, and before it is tried again. What it throws ends the work. */
  readonly before: () => Promise<void>;
}

/** What has expired, as the store's statistics know it: nothing is counted for it. */
export interface SweepOutlook {
  readonly way: SweepWay;
  /** The name of the session table; null where sessions stand in none. */
  readonly table: string | null;
}

/** What one transaction did, if only to read over rows that are not meant. */
export interface EndedBatch {
  readonly sessions: number;
  /** Of those, how many were deleted from secondary storage; a session may stand in the database as well. */
  readonly secondary: number;
  readonly oauthTokens: number;
  /** The connection broke while the answer was on its way: more may have ended than is counted here. */
  readonly uncertain: boolean;
  /** Rows that were looked at, about. */
  readonly rows: number;
  /** That it took, the waiting for locks left out. */
  readonly milliseconds: number;
  /** Nothing of the selection lies behind it. */
  readonly isLast: boolean;
  /** Where the next batch begins, for a run that goes on from there; null for the beginning, and behind the last batch. */
  readonly position: string | null;
}

/** What is there after the work. */
export interface Remaining {
  /**
   * Sessions that may be meant as well: a time that the selection compares is absent or cannot be read, and everything else
   * of the selection fits.
   */
  readonly unreadableTimes: number;
  readonly sessions: number;
  /** Of those, how many stand in secondary storage. */
  readonly secondary: number;
  /** Of those, how many nobody gets in with: a late request wrote them back, and Better Auth refuses them by its mark. */
  readonly shutOut: number;
  readonly ids: readonly string[];
}

/** A place that sessions stand in. Every implementation passes one contract suite on real servers. */
export interface SessionStore {
  readonly target: Target;
  /** The store's clock, read once when it was opened: it decides what is active, not the administrator's. */
  readonly now: Instant;
  /** Milliseconds that a refresh gives a session, where the profile says it: activity is read from expiries, too. Else null. */
  readonly expiresIn: number | null;
  /** What the reader of times should know, such as a time zone that was assumed. */
  readonly cautions: readonly string[];

  /**
   * Users whose id or e-mail address is `who`. An id that only sessions know counts as well: its user is gone.
   * An address matches without regard to case, an exact one first. Empty where there is none.
   */
  findUsers(who: string): Promise<readonly User[]>;

  /** Fields that sessions have no column for here: of these nothing is known. */
  readonly absent: readonly OptionalField[];

  /**
   * Refuses, before anything is asked or done, what no column answers.
   * @param sort the field that a list is ordered by; null for none
   * @throws SchemaError naming the field, the option and the key of the configuration
   */
  requireColumns(selection: Selection, sort: SortField | null): void;

  /** Ids of sessions that are `id` or begin with it, the exact one alone where it exists; at most `limit`. */
  findSessionIds(id: string, limit: number): Promise<readonly string[]>;

  /**
   * The sessions of a selection, in chunks so that two million stream at constant memory. Sorted by a time, those that lack
   * it come last.
   */
  list(selection: Selection, options: ListOptions): AsyncIterable<readonly Session[]>;

  /** How many sessions `list` would give without a limit. */
  count(selection: Selection): Promise<number>;

  /** The store's clock at present. Not given up by the run's signal: when the work ended has to be told. */
  readClock(): Promise<Instant>;

  /** False where times are stored without a zone and nobody said which one is meant: then moments are off by hours. */
  readonly zoneKnown: boolean;

  /** Ids of sessions of the selection that `end` would end; at most `limit`. */
  pick(selection: Selection, limit: number): Promise<readonly string[]>;

  /** The database may hide sessions from this account: that none is seen does not say that there is none. */
  readonly hidesRows: boolean;

  /**
   * What ending sessions would meet in the database: rules, triggers, foreign keys.
   * @param preserve rows are kept as records
   */
  findObstacles(preserve: boolean): Promise<readonly Obstacle[]>;

  /** Why the database would refuse to end any session, as far as it says without running anything; null where it would not. */
  findRefusal(preserve: boolean, included: ReadonlySet<string>): Promise<string | null>;

  /** Tokens of an OAuth provider are bound to sessions here. */
  readonly bindsTokens: boolean;

  /** The application hands out tokens of the JWT plugin, which nothing here ends. */
  readonly handsOutJwts: boolean;

  /** The ids among these that exist, byte for byte. */
  existingSessionIds(ids: readonly string[]): Promise<ReadonlySet<string>>;

  /** For each token the id of its session, or null. */
  findSessionIdsByToken(tokens: readonly string[]): Promise<readonly (string | null)[]>;

  /**
   * Counts what the selection holds and what hangs on it.
   * @param namedUsers whose ways back are counted instead of those of the users of the sessions, if there are any
   */
  survey(selection: Selection, namedUsers?: readonly string[]): Promise<Survey>;

  readonly waysBack: WaysBackStore;

  /**
   * Where secondary storage has marks of when all sessions of a user ended, sets those of the users whose sessions are all
   * selected. From 1.7.16 on Better Auth heeds them: no request that was under way brings such a session back.
   * @returns how many users were marked
   */
  markUsers(meant: MarkedUsers): Promise<number>;
  /** Whether the release of Better Auth heeds those marks; null where it is not known. */
  readonly heedsMarks: boolean | null;

  /**
   * Looks after the work: how many are there, and up to `limit` of their ids. Not given up by the run's signal.
   * @param patience `patient`, the default, waits for a connection that was lost; `once` takes what comes
   */
  lookAgain(selection: Selection, limit: number, patience?: 'patient' | 'once'): Promise<Remaining>;

  /**
   * Tries the statements of `end` on no row, so that a missing right shows before anything is changed.
   * @param patience `once`, the default, fails where somebody holds a lock; `patient` waits for it
   * @throws ConnectionError naming what the account may not do
   */
  rehearseEnding(options: Pick<EndOptions, 'preserveAt'>, patience?: 'patient' | 'once'): Promise<void>;

  /**
   * Ends the sessions of a selection once through, in short transactions with the condition repeated in each: those that
   * are named by id through their ids, any others on a walk through the whole table. Between batches it heeds the run's signal: then it returns early. Deadlocks, locks and lost connections are retried.
   * @throws ConnectionError when the database keeps refusing; what the batches before did stays done
   */
  end(selection: Selection, options: EndOptions): AsyncIterable<EndedBatch>;

  /**
   * Milliseconds that sessions have to stay gone after they were ended, since a request that was under way may bring one
   * back; 0 where gone is gone.
   */
  readonly settle: number;

  /** Where the configuration and the stores disagree about where sessions stand; null where they agree, as far as a look tells. */
  findMismatch(): Promise<Mismatch | null>;

  /**
   * Keys of secondary storage that were met so far, look like sessions that may be selected, and cannot be read to tell. Better
   * Auth may take them for valid.
   */
  unreadable(): number;

  /** Secondary storage with what gathers in it beside expired sessions; null where there is none. */
  readonly secondary: SecondarySweep | null;

  /** How a sweep of what had surely expired at a moment goes best. */
  sweepOutlook(expiredAt: Instant): Promise<SweepOutlook>;

  /** Any place on the way of a sweep, found without reading the table; null for the beginning where there is none. */
  somewhere(way: SweepWay): Promise<string | null>;

  /**
   * Counts the rows of a selection in the table. Not given up by the run's signal.
   * @param milliseconds that it may take, about
   * @returns null where that was not enough
   */
  countWithin(selection: Selection, milliseconds: number): Promise<number | null>;

  /** Expired `verification` rows; null where there is no such table, or none that can be understood. */
  readonly verifications: Verifications | null;

  /** Does at once, while nobody else uses the database, what `end` does bit by bit; null where that is no faster. */
  readonly offline: OfflineSweep | null;
}

/** What one step of a sweep of secondary storage did, or would do. */
export interface SweptSecondary {
  /** Sessions that had expired and were still there. */
  readonly expired: number;
  /** Sessions whose user is gone; they would live on. */
  readonly orphans: number;
  /** Entries of users' lists that named no session any more. */
  readonly indexEntries: number;
  /** Users' lists that would have stayed for ever. */
  readonly immortalIndexes: number;
}

/** What one step of a sweep through secondary storage did. */
export interface SweepStep extends SweptSecondary {
  /** An answer was lost on its way: more may be gone than is counted. */
  readonly uncertain: boolean;
}

export interface SecondarySweep {
  /**
   * How many rows had surely expired at a moment and are kept all the same, since secondary storage, which Better Auth believes
   * first, holds their sessions alive, or holds what cannot be read.
   */
  countKept(expiredAt: Instant): Promise<number>;
  /**
   * Deletes sessions that had surely expired at a moment and those whose user is gone, and puts users' lists in order.
   * @param options.dryRun counts only
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

/** What Better Auth keeps of links that were mailed and codes that were sent. */
export interface Verifications {
  /** The name of the table. */
  readonly table: string;
  /** Deletes what had surely expired at a moment, as `end` does with sessions. */
  sweep(
    expiredAt: Instant,
    options: Pick<EndOptions, 'atMost' | 'remark' | 'pace' | 'stretch'>,
  ): AsyncIterable<EndedBatch>;
  /** How many had. */
  count(expiredAt: Instant): Promise<number>;
  /** As `SessionStore.countWithin`. */
  countWithin(expiredAt: Instant, milliseconds: number): Promise<number | null>;
  /** Tries the deletion on no row. @throws ConnectionError naming what the account may not do */
  rehearse(): Promise<void>;
}

export interface OfflineSweep {
  /** One DELETE of what had surely expired at a moment. @param exceptIds sessions that are kept */
  sweep(
    expiredAt: Instant,
    exceptIds?: readonly string[],
  ): Promise<Pick<EndedBatch, 'sessions' | 'oauthTokens' | 'milliseconds'>>;
  /** Gives the room of deleted rows back to the file system. */
  vacuum(): Promise<void>;
}
