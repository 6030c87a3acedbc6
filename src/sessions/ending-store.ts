import type { Instant } from './instant.ts';
import type { Obstacle } from './obstacle.ts';
import type { Selection } from './selection.ts';
import type { WaysBackCounts, WaysBackStore } from './ways-back.ts';

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
  /**
   * The walk starts at a random place and comes round to it: runs that are stopped early then cover the whole table
   * between them. By default it starts at the beginning.
   */
  readonly startsAnywhere?: boolean | undefined;
  readonly pace?: Pace | undefined;
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
}

/** A batch that found nothing to end, and nothing behind it. */
export const nothingEnded: EndedBatch = {
  sessions: 0,
  secondary: 0,
  oauthTokens: 0,
  uncertain: false,
  rows: 0,
  milliseconds: 0,
  isLast: true,
};

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

/** Ends sessions, and says beforehand and afterwards what that does. */
export interface EndingStore {
  /** Tokens of an OAuth provider are bound to sessions here. */
  readonly bindsTokens: boolean;

  /** The application issues tokens of the JWT plugin, which sessionctl cannot end. */
  readonly handsOutJwts: boolean;

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

  /** Ids of sessions of the selection that `end` would end; at most `limit`. */
  pick(selection: Selection, limit: number): Promise<readonly string[]>;

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
   * Checks after the work: the number of sessions that remain, and up to `limit` of their ids. Not aborted by the run's
   * signal.
   * @param patience `patient`, the default, waits for a lost connection; `once` tries only once
   */
  lookAgain(selection: Selection, limit: number, patience?: 'patient' | 'once'): Promise<Remaining>;

  /**
   * Milliseconds for which sessions must stay gone after they were ended, since a request in progress may bring one
   * back; 0 where an ended session cannot come back.
   */
  readonly settle: number;
}
