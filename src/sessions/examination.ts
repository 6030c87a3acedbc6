import type { Instant } from './instant.ts';
import type { Obstacle } from './obstacle.ts';
import type { SessionTime } from './session.ts';
import type { SchemaPart } from './schema-store.ts';
import type { Mismatch, SweptSecondary, Target } from './session-store.ts';

/** A part of a deployment that could be opened, or why it could not: one that is out of reach stops nobody from the others. */
export type Opened<Part> =
  { readonly part: Part; readonly error: null } | { readonly part: null; readonly error: unknown };

/** Everything of a deployment that can be looked at. Nothing in here changes anything. */
export interface Examination {
  readonly database: Opened<DatabaseExamination>;
  /** What sessionctl can add to the database, as far as it is there. */
  readonly schemaParts: Opened<readonly SchemaPart[]>;
  /** Null where no secondary storage is configured. */
  readonly secondary: Opened<SecondaryExamination> | null;
}

/** A right that the account lacks. */
export interface MissingRight {
  /** In words, such as `DELETE on public.session`. */
  readonly right: string;
  /** A statement that gives it; null where none does. */
  readonly remedy: string | null;
}

/** How the connection to a server is protected on its way. */
export interface Transport {
  /** Such as `TLSv1.3`; null in the clear. */
  readonly protocol: string | null;
  /** The certificate is known to be that of the server. */
  readonly isVerified: boolean;
  /** It stays on this machine. */
  readonly isLocal: boolean;
}

export interface DatabaseExamination {
  readonly target: Target;
  /** Such as `PostgreSQL 15.20`. */
  readonly server: string;
  /** With its schema, for messages; null where there is none. */
  readonly userTable: string | null;
  /** The clock at present. */
  readClock(): Promise<Instant>;
  /** Null for a file. */
  findTransport(): Promise<Transport | null>;
  /** Why nothing can be changed there, in words; null where it can. */
  findReadOnly(): Promise<string | null>;
  /**
   * Lets the database plan, and not run, the statements that ending and sweeping sessions and keeping a history take.
   * @param preserve rows are kept as records
   */
  missingRights(preserve: boolean): Promise<readonly MissingRight[]>;
  /** The same of all that `--include` ends in the tables that there are. */
  missingRightsToInclude(): Promise<readonly MissingRight[]>;
  /** How many users there are, counted no further than this; null without a user table. */
  countUsers(most: number): Promise<number | null>;
  /** The ids among these that have a user; null without a user table. */
  readonly existingUserIds: ((ids: readonly string[]) => Promise<ReadonlySet<string>>) | null;
  /** Null where sessions stand in Redis alone. */
  readonly table: TableExamination | null;
}

/** An index that Better Auth's look-ups, or sweeps, go by. */
export interface ExaminedIndex {
  readonly field: 'token' | 'userId' | 'expiresAt';
  /** With its table, for messages. */
  readonly column: string;
  /** Null where there is none that can be used. */
  readonly name: string | null;
  readonly remedy: string;
}

/** A column that the database sets of its own accord whenever its row is updated. */
export interface TouchedColumn {
  readonly field: 'expiresAt' | 'createdAt' | 'updatedAt' | null;
  readonly name: string;
  /** A statement that ends it; null where the column's definition cannot be told. */
  readonly remedy: string | null;
}

export interface TableExamination {
  /** Such as `auth.session`. */
  readonly name: string;
  readonly userTable: string | null;
  /** A user table that cannot be used, since no column of it is known as the id. */
  readonly usersWithoutId: string | null;
  readonly timeEncoding: string;
  /** The columns hold what a clock on the wall showed, so that a time zone decides which moments are meant. */
  readonly isZoneless: boolean;
  /** False where that zone was assumed. */
  readonly zoneKnown: boolean;
  readonly hidesRows: boolean;
  /** As `SessionStore.findObstacles`. */
  obstacles(preserve: boolean): Promise<readonly Obstacle[]>;
  /** Better Auth's fields that the table has no column for. */
  readonly absent: readonly string[];
  indexes(): Promise<readonly ExaminedIndex[]>;
  touched(): Promise<readonly TouchedColumn[]>;
  /** About how many rows there are, by the database's statistics. */
  rows(): Promise<number>;
  /** All of the sessions, or some from all over the table where there are more. */
  sample(most: number): Promise<SessionSample>;
  /** How many sessions there are. @returns null where counting took longer */
  countAll(milliseconds: number): Promise<number | null>;

  /**
   * How many had surely expired at a moment.
   * @returns null where counting took longer
   */
  countExpired(at: Instant, milliseconds: number): Promise<number | null>;
  /** A statement that lets this account see all rows; null where only somebody else can give one. */
  seeAllRows(): Promise<string | null>;
  /** Statements that show the unreadable values of a column, and set readable ones. */
  fixTimes(field: SessionTime): string;
  /** Statements that delete the sessions without a user, which `revoke-all` cannot select; null without a user table. */
  readonly deleteOrphans: string | null;
}

/** What is looked at of a session. */
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
  /** All sessions there are. */
  readonly isWhole: boolean;
  /** Sessions with a time that the recognised encoding cannot mean, which is null there, and the fields concerned. */
  readonly unreadable: readonly { readonly id: string; readonly fields: readonly SessionTime[] }[];
}

/** A server of secondary storage, as it tells of itself. */
export interface SecondaryServer {
  /** Such as `Redis 7.0.15`. */
  readonly server: string;
  readonly isReplica: boolean;
  /** What it does when its memory is full, `noeviction` or another word of Redis; null where it does not say. */
  readonly evictionPolicy: string | null;
  /** Bytes; 0 for no limit, null where it does not say. */
  readonly memoryLimit: number | null;
}

export interface SecondaryExamination {
  /** `host:port/number`. */
  readonly place: string;
  readonly keyPrefix: string;
  /** Each server that holds a part of the keys. */
  servers(): Promise<readonly SecondaryServer[]>;
  /**
   * Tries what ending a session takes, in forms that do nothing to a key that nobody has.
   * @throws ConnectionError naming what is refused
   */
  rehearse(): Promise<void>;
  /** As `SessionStore.findMismatch`; null in place of it where the database is out of reach. */
  readonly findMismatch: (() => Promise<Mismatch | null>) | null;
  sample(most: number): Promise<SessionSample & { readonly withoutLifetime: number }>;
  /**
   * Counts what is not as Better Auth writes it, for this many milliseconds at the most.
   * @returns `alone`: sessions without a row, null where rows are not expected; `unreadable`: keys that look like sessions and
   * cannot be read
   */
  strays(milliseconds: number): Promise<{
    readonly alone: number | null;
    readonly unreadable: number;
    readonly isWhole: boolean;
  }>;
  /**
   * What a sweep would find, counted for so long at the most.
   * Null in place of it where the database is out of reach, without which orphans are not known.
   */
  readonly leftovers:
    | ((
        expiredAt: Instant,
        milliseconds: number,
      ) => Promise<SweptSecondary & { readonly isWhole: boolean; readonly remarks: readonly string[] }>)
    | null;
}
