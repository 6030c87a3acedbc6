import { millisecondsOf, toInstant, type Instant } from '../../sessions/instant.ts';
import type { Session } from '../../sessions/session.ts';
import { readCachedSession, readWrappedIndex, unreadSession, type CachedSession } from './cached-session.ts';
import type { RedisConnection } from './connect-redis.ts';
import { countDeletions, type CountDeletion, type DeletedKeys } from './deletions.ts';
import { createIndexes } from './indexes.ts';
import { createKeyReader, looksLikeToken, type Found } from './key-reader.ts';
import { raiseMarks } from './marks.ts';
import { createTidier, tidyEnded, type Tidier, type TidierOptions } from './tidy-indexes.ts';

/** Keys that are read or deleted at once. */
const AT_ONCE = 500;

const INDEX = 'active-sessions-';
/**
 * The key in which Better Auth 1.7.25 stores a time, in milliseconds since 1970: a user's sessions created before it
 * are no longer valid (`revokedBeforeKey` in `db/internal-adapter`).
 */
const REVOKED_BEFORE = 'revoked-sessions-before-';

/** The findings of one page of a scan. */
export interface ScannedPage {
  readonly sessions: readonly CachedSession[];
  /** Keys of Better Auth's lists of each user's sessions. */
  readonly indexKeys: readonly string[];
  /** Tokens whose value looks like a session, is unreadable, and is named by no row and no list. */
  readonly unreadable: readonly string[];
}

/** The rows of the sessions, where the application also writes them to a database. */
export interface RowsBehind {
  /** The ids of the rows with these tokens. */
  idsOf(tokens: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Those rows, by their tokens. */
  sessionsOf(tokens: readonly string[]): Promise<ReadonlyMap<string, Session>>;
}

export interface ScanOptions {
  /** Also read the users, which takes twice the time. */
  readonly users?: boolean;
}

/** Sessions in Better Auth's secondary storage. */
export interface SecondaryStorage {
  /** `host:port/number`, safe to print. */
  readonly place: string;
  /**
   * Every session in Redis, recognised by its value, or by a row or a user's list that names its token. Its state
   * depends on its expiry alone; `judge` adds more. A session may occur twice while Redis resizes its tables.
   */
  scan(options?: ScanOptions): AsyncGenerator<ScannedPage>;
  /**
   * Better Auth treats a session created before its user's mark as revoked, even if it is still stored: it is returned
   * as expired.
   * @param unmarked remembers users without such a mark, so that they are not looked up again
   */
  judge(sessions: readonly CachedSession[], unmarked?: Set<string>): Promise<readonly CachedSession[]>;
  /**
   * Sessions of users as their indexes name them. Better Auth's indexes lose entries, so there may be more sessions.
   */
  namedSessions(userIds: readonly string[]): AsyncGenerator<readonly CachedSession[]>;
  /** The sessions of those tokens that have a value in any form. */
  read(tokens: readonly string[]): Promise<readonly CachedSession[]>;
  /**
   * Ends sessions: first their keys are deleted, then, `with indexes`, their entries in the lists of their users. Does
   * not throw for an error of Redis, since the keys deleted before it must be reported.
   */
  end(sessions: readonly CachedSession[], scope: 'with indexes' | 'keys alone'): Promise<DeletedKeys>;
  /** Like `end` with the keys alone, for sessions that were already recognised by their values. */
  endTokens(tokens: readonly string[]): Promise<DeletedKeys>;
  tidier(options: Omit<TidierOptions, 'prefix' | 'now'>): Tidier;
  /**
   * Whether a list of a user's sessions, or a mark of when they ended, exists under the prefix: then Better Auth has
   * written here.
   */
  hasTraces(): Promise<boolean>;
  /**
   * Makes Better Auth treat every session of a user that was created before a moment as revoked.
   * @param before milliseconds since 1970 by the id of the user
   * @param life milliseconds
   */
  mark(before: ReadonlyMap<string, number>, life: number): Promise<void>;
  /** Removes the entries of sessions that this run has ended from some indexes. */
  tidyEnded(indexKeys: readonly string[], ended: ReadonlySet<string>): Promise<void>;
  /**
   * Tries the commands of `end` on keys that belong to no user, so that a missing right shows before anything is
   * changed.
   */
  rehearse(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param prefix of every key of the deployment; may be empty
 * @param now a session with an earlier expiry has expired
 * @param rows null where only Redis holds sessions
 * @param heedsMarks whether the release of Better Auth honours marks; null where it is not known, and then marks count
 */
export function createSecondaryStorage(
  connection: RedisConnection,
  prefix: string,
  now: Instant,
  rows: RowsBehind | null,
  expiresIn: number | null,
  heedsMarks: boolean | null,
): SecondaryStorage {
  const { guard, losses, place } = connection;
  const keys = createKeyReader(connection);
  const indexPrefix = `${prefix}${INDEX}`;
  const markPrefix = `${prefix}${REVOKED_BEFORE}`;
  const indexes = createIndexes(connection, keys, indexPrefix);

  const counting = (work: (count: CountDeletion) => Promise<void>) =>
    countDeletions(losses, (count) => guard(() => work(count)));

  const keyOf = (token: string) => `${prefix}${token}`;
  const tokenOf = (key: string) => key.slice(prefix.length);

  /** For tokens without a readable value: the user whose list names the token. */
  const owners = new Map<string, string>();

  /** Up to 1.5 a value contains no id; a session with a row has the id of the row. */
  const withRowIds = async (sessions: readonly CachedSession[]): Promise<readonly CachedSession[]> => {
    const nameless = sessions.flatMap(({ named, token }) => (named ? [] : [token]));
    if (rows === null || nameless.length === 0) return sessions;
    const ids = await rows.idsOf(nameless);
    return sessions.map((cached) => {
      const id = ids.get(cached.token);
      return cached.named || id === undefined
        ? cached
        : { ...cached, named: true, session: { ...cached.session, id } };
    });
  };

  /** Those of the tokens that have a value. */
  const unread = async (tokens: readonly string[]): Promise<readonly CachedSession[]> => {
    if (tokens.length === 0) return [];
    const lives = await keys.lifetimes(tokens.map(keyOf));
    const standing = [...lives.keys()].map(tokenOf);
    const rowOf = standing.length === 0 ? null : await rows?.sessionsOf(standing);
    return standing.map((token) => {
      const life = lives.get(keyOf(token)) ?? null;
      return unreadSession({
        token,
        row: rowOf?.get(token) ?? null,
        userId: owners.get(token) ?? null,
        goesAt: life === null ? null : toInstant(millisecondsOf(now) + life),
        expiresIn,
      });
    });
  };

  /** Notes whose lists name these tokens, in one pass through the lists of all users. */
  const findOwners = async (tokens: ReadonlySet<string>) => {
    for await (const page of keys.scan(indexPrefix)) {
      const lists = await keys.values(page);
      for (const [at, key] of page.entries())
        for (const { token } of readWrappedIndex(lists[at] ?? '') ?? [])
          if (tokens.has(token)) owners.set(token, key.slice(indexPrefix.length));
    }
  };

  /** The values of these tokens are unreadable: rows and lists show which of them are sessions. */
  async function* nameUnread(tokens: ReadonlySet<string>): AsyncGenerator<ScannedPage> {
    if (tokens.size === 0) return;
    await guard(() => findOwners(tokens));
    for (const some of chunksOf([...tokens])) {
      const found = await guard(() => unread(some));
      const isNamed = ({ named, token }: CachedSession) => named || owners.has(token);
      const others = found.filter((cached) => !isNamed(cached)).map(({ token }) => token);
      yield { sessions: found.filter(isNamed), indexKeys: [], unreadable: others.filter(looksLikeToken) };
    }
  }

  const judge = async (
    sessions: readonly CachedSession[],
    unmarked?: Set<string>,
  ): Promise<readonly CachedSession[]> => {
    if (heedsMarks === false) return sessions;
    const users = [...new Set(sessions.map(({ session }) => session.userId ?? ''))].filter(
      (id) => unmarked?.has(id) !== true,
    );
    const revokedBefore = new Map<string, number>();
    const marks = await keys.values(users.map((id) => `${markPrefix}${id}`));
    for (const [at, id] of users.entries()) {
      const mark = Number(marks[at] ?? 0);
      if (mark > 0) revokedBefore.set(id, mark);
      else unmarked?.add(id);
    }
    if (revokedBefore.size === 0) return sessions;
    return sessions.map((cached) => {
      const { userId, createdAt } = cached.session;
      const isRevoked =
        createdAt !== null && millisecondsOf(createdAt) < (revokedBefore.get(userId ?? '') ?? 0);
      return isRevoked
        ? { ...cached, shutOut: true, session: { ...cached.session, state: 'expired' } }
        : cached;
    });
  };

  /** @returns the readable sessions, and the tokens whose values are unreadable or gone */
  const readable = async (found: readonly Found[], withUser: boolean) => {
    const sessions: CachedSession[] = [];
    const others: string[] = [];
    for (const [key, value] of found) {
      const session =
        value === null ? null : readCachedSession(tokenOf(key), value, now, expiresIn, withUser);
      if (session === null) others.push(tokenOf(key));
      else sessions.push(session);
    }
    return { sessions: await withRowIds(sessions), others };
  };

  const read = async (tokens: readonly string[]): Promise<readonly CachedSession[]> => {
    const sessions: CachedSession[] = [];
    for (const some of chunksOf(tokens)) {
      const found = await guard(async () => {
        const wanted = some.map(keyOf);
        const values = await keys.values(wanted);
        const pairs = wanted.map((key, at) => [key, values[at] ?? null] as const);
        const known = await readable(pairs, true);
        return judge([...known.sessions, ...(await unread(known.others))]);
      });
      sessions.push(...found);
    }
    return sessions;
  };

  /** The sessions of a page, and the keys of its indexes; null at the end. */
  const readPage = async (pages: AsyncGenerator<readonly string[]>, withUser: boolean) => {
    const page = await pages.next();
    if (page.done === true) return null;
    const indexKeys: string[] = [];
    const others: string[] = [];
    for (const key of page.value) {
      if (key.startsWith(indexPrefix)) indexKeys.push(key);
      // Better Auth writes other values under those names, so they cannot be sessions.
      else if (!key.startsWith(markPrefix)) others.push(key);
    }
    return { indexKeys, ...(await readable(await keys.sessionValues(others, prefix), withUser)) };
  };

  return {
    place,
    read,
    async *scan({ users = false } = {}) {
      const pages = keys.scan(prefix);
      const tokens = new Set<string>();
      for (;;) {
        const page = await guard(() => readPage(pages, users));
        if (page === null) break;
        for (const token of page.others) tokens.add(token);
        yield { sessions: page.sessions, indexKeys: page.indexKeys, unreadable: [] };
      }
      yield* nameUnread(tokens);
    },

    judge: (sessions, unmarked) => guard(() => judge(sessions, unmarked)),

    async *namedSessions(userIds) {
      for (const some of chunksOf(userIds)) {
        const lists = await guard(() => keys.values(some.map((id) => `${indexPrefix}${id}`)));
        const tokens = new Set<string>();
        for (const [at, id] of some.entries())
          for (const { token } of readWrappedIndex(lists[at] ?? '') ?? []) {
            tokens.add(token);
            owners.set(token, id);
          }
        for (const part of chunksOf([...tokens])) {
          const named = new Set(some);
          // An index may name a token that belongs to another user by now.
          yield (await read(part)).filter(({ session }) => named.has(session.userId ?? ''));
        }
      }
    },

    end: (sessions, scope) =>
      counting(async (count) => {
        for (const some of chunksOf(sessions)) {
          await keys.unlink(
            some.map(({ token }) => keyOf(token)),
            count,
          );
          if (scope === 'with indexes') await indexes.remove(some);
        }
      }),

    endTokens: (tokens) =>
      counting(async (count) => {
        const parts = [...chunksOf(tokens)].map((some) => some.map(keyOf));
        await Promise.all(parts.map((some) => keys.unlink(some, count)));
      }),

    tidier: (options) => {
      const tidier = createTidier(keys, indexes, { ...options, prefix, now: millisecondsOf(now) });
      return {
        look: (indexKeys) => guard(() => tidier.look(indexKeys)),
        finish: (signal) => guard(() => tidier.finish(signal)),
      };
    },

    tidyEnded: (indexKeys, ended) => guard(() => tidyEnded({ keys, indexes, prefix }, indexKeys, ended)),

    mark: (before, life) =>
      guard(() =>
        raiseMarks(
          connection,
          [...before].map(([userId, moment]) => ({ key: `${markPrefix}${userId}`, before: moment })),
          life,
        ),
      ),

    hasTraces: () =>
      guard(async () => {
        for (const traces of [indexPrefix, markPrefix])
          for await (const page of keys.scan(traces)) if (page.length > 0) return true;
        return false;
      }),

    rehearse: () =>
      guard(async () => {
        await keys.unlink([`${prefix}sessionctl-rehearsal`], async (unlink) => {
          await unlink();
        });
        await indexes.rehearse();
        await keys.scan(prefix).next();
      }),

    close: () => connection.close(),
  };
}

function* chunksOf<Value>(values: readonly Value[]): Generator<readonly Value[]> {
  for (let from = 0; from < values.length; from += AT_ONCE) yield values.slice(from, from + AT_ONCE);
}
