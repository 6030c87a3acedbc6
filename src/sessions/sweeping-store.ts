import type { Instant } from './instant.ts';
import type { Selection } from './selection.ts';
import type { EndOptions, EndedBatch, SweepWay } from './ending-store.ts';

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
    options: Pick<EndOptions, 'atMost' | 'remark' | 'pace' | 'startsAnywhere'>,
  ): AsyncIterable<EndedBatch>;
  /** The number of rows that had. */
  count(expiredAt: Instant): Promise<number>;
  /** See `SweepingStore.countWithin`. */
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

/** What a sweep needs besides: where expired rows are, and what else there is to sweep. */
export interface SweepingStore {
  /** Sweeps secondary storage, including leftovers other than expired sessions; null where there is none. */
  readonly secondary: SecondarySweep | null;

  /**
   * The fastest way to find the sessions that had certainly expired at a moment, by the statistics of the database.
   */
  chooseSweepWay(expiredAt: Instant): Promise<SweepWay>;

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
