import type { DatabaseSettings } from '../../config/settings.ts';
import type { SharedHistory } from '../../history/shared-history.ts';
import type { Instant } from '../../sessions/instant.ts';
import type { ReplicatedStore } from '../../sessions/replication.ts';
import type { LockableStore } from '../../sessions/run-lock.ts';
import type { Target } from '../../sessions/reading-store.ts';
import type { DatabaseExamination } from '../../sessions/examination.ts';
import type { User } from '../../sessions/session.ts';
import type { UserStanding } from '../../sessions/standing.ts';
import type { WaysBackStore } from '../../sessions/ways-back.ts';
import { OTHER, SESSION, isPossibleKey, sessionColumn } from './query/conditions.ts';
import type { ConnectOptions, DatabaseConnection } from './connect/connect.ts';
import { createHistory } from './history/database-history.ts';
import type { Value } from './dialects/dialect.ts';
import type { FieldRecord } from './read/field-record.ts';
import type { Shape, TokenTable } from './schema/shape.ts';
import { isOffline, isUnrevoked } from './query/token-conditions.ts';
import { tableReference } from './query/table-reference.ts';
import { createTokenEnding } from './end/token-ending.ts';
import { userStanding } from './read/user-standing.ts';
import { LOOKED_UP_AT_ONCE, existingUserIds, findUsers, type UserShape } from './query/users.ts';
import { createWaysBack } from './end/ways-back/ways-back.ts';

/** Tokens of the OAuth provider, found by the ids of the sessions that they are bound to. */
export interface BoundTokens {
  /** Counts valid tokens: `bound` end with their session, `offline` stay valid after it. */
  count(sessionIds: readonly string[]): Promise<{ readonly bound: number; readonly offline: number }>;
  /**
   * Revokes the tokens; those with `offline_access` only if asked.
   * @returns how many
   */
  end(sessionIds: readonly string[], offlineTokens: boolean): Promise<number>;
  /**
   * Tries `end` on no rows.
   * @throws ConnectionError naming the right that the account lacks
   */
  rehearse(): Promise<void>;
}

/** The data that a database has about users and sessions, whether or not the sessions are stored in it. */
export interface Directory extends LockableStore, ReplicatedStore {
  readonly target: Target;
  /** The database's clock, read once when it was opened. */
  readonly now: Instant;
  /** See `SessionStore.findUsers`. */
  findUsers(who: string): Promise<readonly User[]>;
  /** The ids among these that have a user; null where there is no user table. */
  readonly existingUserIds: ((ids: readonly string[]) => Promise<ReadonlySet<string>>) | null;
  /** A user's status from the user table; null where there is no such table. */
  readonly userStanding: ((id: string) => Promise<UserStanding>) | null;
  /** A user in the form of Better Auth; null where there is no user table. */
  readonly userRecord: ((id: string) => Promise<FieldRecord | null>) | null;
  /** Null where the deployment has none. */
  readonly boundTokens: BoundTokens | null;
  /** How many API keys belong to these users; null where the deployment has none. */
  readonly countApiKeys: ((userIds: readonly string[]) => Promise<number>) | null;
  readonly waysBack: WaysBackStore;
  /** See `SessionStore.handsOutJwts`. */
  readonly handsOutJwts: boolean;
  /** How many rows the session table has, counted up to a thousand; null without one. */
  readonly sessionRows: (() => Promise<number>) | null;
  /** The current time of the database's clock. Not aborted by the run's signal. */
  readClock(): Promise<Instant>;
  /** Null if `schema migrate` has not created the table. */
  readonly history: SharedHistory | null;
  /** The checks of the database that change nothing. */
  examination(): Promise<DatabaseExamination>;
  close(): Promise<void>;
}

/** The tables of a directory. */
export interface DirectoryShape
  extends UserShape, Pick<Shape, 'tokens' | 'apiKeys' | 'waysBack' | 'handsOutJwts' | 'history'> {
  /** The table whose lock keeps runs of sessionctl apart. */
  readonly locked: { readonly schema: string | null; readonly name: string };
}

export interface DirectoryParts extends DatabaseConnection {
  readonly shape: DirectoryShape;
  /** For example `PostgreSQL 15.20`. */
  readonly server: string;
  readonly now: Instant;
  readonly settings: DatabaseSettings;
  readonly options: ConnectOptions;
}

export function createDirectory(parts: DirectoryParts): Directory {
  const { knex, dialect, shape, target, names, now, settings, options, guard, persist, close } = parts;
  const { user, session, apiKeys, tokens } = shape;
  return {
    target,
    now,
    findUsers: (who) => guard(() => findUsers(knex, dialect, shape, who)),
    existingUserIds: user === null ? null : (ids) => guard(() => existingUserIds(knex, dialect, user, ids)),
    userStanding:
      user === null
        ? null
        : (id) => guard(() => userStanding({ knex, dialect, timeZone: settings.timeZone, now }, user, id)),
    userRecord:
      user === null
        ? null
        : (id) =>
            guard(async () => {
              const { readUserRecord } = await import('./read/user-record.ts');
              return readUserRecord({ knex, dialect, timeZone: settings.timeZone }, user, names, id);
            }),
    boundTokens: tokens.length === 0 ? null : boundTokens(parts, tokens),
    countApiKeys:
      apiKeys.length === 0
        ? null
        : (userIds) =>
            inChunks(userIds, async (some) => {
              let sum = 0;
              for (const table of apiKeys) {
                const owner = { name: table.owner, kind: 'text' } as const;
                const owned = dialect.keyIn(knex, `${OTHER}.${owner.name}`, owner, some);
                const rows = await guard(() =>
                  knex
                    .from(tableReference(knex, table, OTHER))
                    .where(owned)
                    .count<{ found: Value }[]>({ found: '*' }),
                );
                sum += Number(rows[0]?.found ?? 0);
              }
              return sum;
            }),
    handsOutJwts: shape.handsOutJwts,
    waysBack: createWaysBack({ ...parts, timeZone: settings.timeZone, sessions: null, preserve: false }),
    sessionRows:
      session === null
        ? null
        : () =>
            guard(async () => {
              const some = await knex
                .select({ one: sessionColumn(session.userId.name) })
                .from(tableReference(knex, session, SESSION))
                .limit(LOOKED_UP_AT_ONCE);
              return (some as readonly unknown[]).length;
            }),
    readClock: () => persist(() => dialect.readClock(knex)),
    history: createHistory(parts, shape.history),
    examination: async () => {
      const { createDatabaseExamination } = await import('./examine/examination.ts');
      return createDatabaseExamination({
        ...parts,
        shape: { ...shape, ended: null },
        table: null,
      });
    },
    lock: async (name, own, wait) => {
      const { acquireRunLock } = await import('./connect/run-lock.ts');
      return acquireRunLock({ ...parts, table: shape.locked, signal: options.signal }, name, own, wait);
    },
    openReplication: async () => {
      const { openReplication } = await import('./connect/replication.ts');
      return openReplication(parts, settings, options);
    },
    close,
  };
}

function boundTokens(parts: DirectoryParts, tables: readonly TokenTable[]): BoundTokens {
  const { knex, dialect, settings, guard, persist } = parts;
  const ending = createTokenEnding({ ...parts, timeZone: settings.timeZone }, tables);
  const boundTo = (tokens: TokenTable, ids: readonly string[]) => {
    const possible = ids.filter((id) => isPossibleKey(tokens.sessionId, id));
    return possible.length === 0
      ? knex.raw('1 = 0')
      : dialect.keyIn(knex, `${OTHER}.${tokens.sessionId.name}`, tokens.sessionId, possible);
  };
  return {
    async count(sessionIds) {
      let bound = 0;
      let offline = 0;
      for (const tokens of tables) {
        const live = (some: readonly string[]) =>
          knex
            .from(tableReference(knex, tokens, OTHER))
            .where(isUnrevoked(knex, tokens))
            .where(boundTo(tokens, some));
        const countOf = (only: (query: ReturnType<typeof live>) => ReturnType<typeof live>) =>
          inChunks(sessionIds, async (some) => {
            const rows = await guard(() => only(live(some)).count<{ found: Value }[]>({ found: '*' }));
            return Number(rows[0]?.found ?? 0);
          });
        const all = await countOf((query) => query);
        const surviving =
          tokens.scopes === null || all === 0
            ? 0
            : await countOf((query) => query.where(isOffline(parts, tokens)));
        bound += all - surviving;
        offline += surviving;
      }
      return { bound, offline };
    },

    async end(sessionIds, offlineTokens) {
      if (sessionIds.length === 0) return 0;
      const dated = await ending.datedTokens();
      return inChunks(sessionIds, async (some) => {
        let revoked = 0;
        for (const tokens of dated) {
          revoked += await persist(() =>
            dialect.single(knex, (on) =>
              ending.revokeTokens(on, tokens, boundTo(tokens, some), offlineTokens),
            ),
          );
        }
        return revoked;
      });
    },

    async rehearse() {
      for (const tokens of tables) {
        await guard(() => ending.rehearseTokens(tokens));
      }
    },
  };
}

async function inChunks(
  ids: readonly string[],
  work: (some: readonly string[]) => Promise<number>,
): Promise<number> {
  let sum = 0;
  for (let from = 0; from < ids.length; from += LOOKED_UP_AT_ONCE)
    sum += await work(ids.slice(from, from + LOOKED_UP_AT_ONCE));
  return sum;
}
