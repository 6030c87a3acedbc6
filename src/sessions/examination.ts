import type { Instant } from './instant.ts';
import type { Obstacle } from './obstacle.ts';
import type { SessionTime } from './session.ts';
import type { SchemaPart } from './schema-store.ts';
import type { SweptSecondary } from './sweeping-store.ts';
import type { Mismatch, Target } from './reading-store.ts';

/**
 * An opened part of a deployment, or the error that prevented it. One unreachable part does not prevent the check of
 * the others.
 */
export type Opened<Part> =
  { readonly part: Part; readonly error: null } | { readonly part: null; readonly error: unknown };

/** All parts of a deployment that can be checked. No function here changes anything. */
export interface Examination {
  readonly database: Opened<DatabaseExamination>;
  /** The parts that sessionctl can add to the database, with their state. */
  readonly schemaParts: Opened<readonly SchemaPart[]>;
  /** Null where no secondary storage is configured. */
  readonly secondary: Opened<SecondaryExamination> | null;
}

/** A right that the account lacks. */
export interface MissingRight {
  /** Such as `DELETE on public.session`. */
  readonly right: string;
  /** A statement that grants it; null where there is none. */
  readonly remedy: string | null;
}

/** How the connection to a server is protected. */
export interface Transport {
  /** For example `TLSv1.3`; null for an unencrypted connection. */
  readonly protocol: string | null;
  /** The certificate was verified to be the server's. */
  readonly isVerified: boolean;
  /** It stays on this machine. */
  readonly isLocal: boolean;
}

export interface DatabaseExamination {
  readonly target: Target;
  /** For example `PostgreSQL 15.20`. */
  readonly server: string;
  /** With its schema, for messages; null where there is none. */
  readonly userTable: string | null;
  /** The current time of the database's clock. */
  readClock(): Promise<Instant>;
  /** How the connection is protected; null for a file. */
  findTransport(): Promise<Transport | null>;
  /** The reason why the database is read-only, as text; null if it can be written. */
  findReadOnly(): Promise<string | null>;
  /**
   * Makes the database plan, but not run, the statements for ending and sweeping sessions and for the history.
   * @param preserve rows are kept as records
   */
  missingRights(preserve: boolean): Promise<readonly MissingRight[]>;
  /** The same for all that `--include` ends in the existing tables. */
  missingRightsToInclude(): Promise<readonly MissingRight[]>;
  /** The number of users, counted up to `most`; null without a user table. */
  countUsers(most: number): Promise<number | null>;
  /** The ids among these that have a user; null without a user table. */
  readonly existingUserIds: ((ids: readonly string[]) => Promise<ReadonlySet<string>>) | null;
  /** Null where sessions are only in Redis. */
  readonly table: TableExamination | null;
}

/** An index that Better Auth's look-ups, or sweeps, use. */
export interface ExaminedIndex {
  readonly field: 'token' | 'userId' | 'expiresAt';
  /** With its table, for messages. */
  readonly column: string;
  /** Null where there is no usable index. */
  readonly name: string | null;
  readonly remedy: string;
}

/** A column that the database sets automatically whenever its row is updated. */
export interface TouchedColumn {
  readonly field: 'expiresAt' | 'createdAt' | 'updatedAt' | null;
  readonly name: string;
  /** A statement that stops this; null where the column's definition cannot be determined. */
  readonly remedy: string | null;
}

export interface TableExamination {
  /** For example `auth.session`. */
  readonly name: string;
  readonly userTable: string | null;
  /** A user table that cannot be used, since none of its columns is recognised as the id. */
  readonly usersWithoutId: string | null;
  readonly timeEncoding: string;
  /** The columns hold a wall clock, so a time zone decides which moments they mean. */
  readonly isZoneless: boolean;
  /** False where that zone was assumed. */
  readonly zoneKnown: boolean;
  readonly hidesRows: boolean;
  /** See `SessionStore.findObstacles`. */
  obstacles(preserve: boolean): Promise<readonly Obstacle[]>;
  /** Better Auth's fields that the table has no column for. */
  readonly absent: readonly string[];
  indexes(): Promise<readonly ExaminedIndex[]>;
  touched(): Promise<readonly TouchedColumn[]>;
  /** The approximate number of rows, from the database's statistics. */
  rows(): Promise<number>;
  /** All sessions, or a sample from all over the table if there are more than `most`. */
  sample(most: number): Promise<SessionSample>;
  /**
   * The number of sessions.
   * @returns null where counting took longer
   */
  countAll(milliseconds: number): Promise<number | null>;

  /**
   * The number of sessions that had certainly expired at a moment.
   * @returns null where counting took longer
   */
  countExpired(at: Instant, milliseconds: number): Promise<number | null>;
  /** A statement that lets this account see all rows; null where only another account can run one. */
  seeAllRows(): Promise<string | null>;
  /** Statements that show the unreadable values of a column, and set readable ones. */
  fixTimes(field: SessionTime): string;
  /**
   * Statements that delete the sessions without a user, which `revoke-all` cannot select; null without a user table.
   */
  readonly deleteOrphans: string | null;
}

/** The fields of a session that are checked. */
export interface SampledSession {
  readonly id: string;
  readonly userId: string | null;
  readonly createdAt: Instant | null;
  readonly updatedAt: Instant | null;
  readonly expiresAt: Instant | null;
  readonly ipAddress: string | null;
  readonly isImpersonation: boolean;
}

export interface SessionSample {
  readonly sessions: readonly SampledSession[];
  /** The sample contains all sessions. */
  readonly isWhole: boolean;
  /**
   * Sessions with a time that the recognised encoding cannot represent. The time is null there, and the fields name it.
   */
  readonly unreadable: readonly { readonly id: string; readonly fields: readonly SessionTime[] }[];
}

/** A server of secondary storage, as it describes itself. */
export interface SecondaryServer {
  /** For example `Redis 7.0.15`. */
  readonly server: string;
  readonly isReplica: boolean;
  /** Its policy when its memory is full, `noeviction` or another name from Redis; null where it does not report it. */
  readonly evictionPolicy: string | null;
  /** Bytes; 0 for no limit, null where it does not report it. */
  readonly memoryLimit: number | null;
}

export interface SecondaryExamination {
  /** `host:port/number`. */
  readonly place: string;
  readonly keyPrefix: string;
  /** Each server that holds some of the keys. */
  servers(): Promise<readonly SecondaryServer[]>;
  /**
   * Tries the commands for ending a session, in forms that do nothing to a key that does not exist.
   * @throws ConnectionError naming the refused command
   */
  rehearse(): Promise<void>;
  /** See `SessionStore.findMismatch`; the function itself is null where the database is unreachable. */
  readonly findMismatch: (() => Promise<Mismatch | null>) | null;
  sample(most: number): Promise<SessionSample & { readonly withoutLifetime: number }>;
  /**
   * Counts what Better Auth would not write like this, for at most this many milliseconds.
   * @returns `alone`: sessions without a row, null where rows are not expected; `unreadable`: keys that look like
   * sessions and are unreadable
   */
  strays(milliseconds: number): Promise<{
    readonly alone: number | null;
    readonly unreadable: number;
    readonly isWhole: boolean;
  }>;
  /**
   * Counts what a sweep would find, for at most this many milliseconds. Null where the database is unreachable: without
   * it, orphans are unknown.
   */
  readonly leftovers:
    | ((
        expiredAt: Instant,
        milliseconds: number,
      ) => Promise<SweptSecondary & { readonly isWhole: boolean; readonly remarks: readonly string[] }>)
    | null;
}
