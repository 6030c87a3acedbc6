import type { Instant } from '../../sessions/instant.ts';
import { millisecondsOf } from '../../sessions/instant.ts';
import { readCachedSession, readIndex, type CachedSession } from './cached-session.ts';
import type { RedisConnection } from './connect-redis.ts';
import { countDeletions, type CountDeletion, type DeletedKeys } from './deletions.ts';
import { inOrder } from '../in-order.ts';
import { createIndexes } from './indexes.ts';
import { createKeyReader, type Found } from './key-reader.ts';
import type { Seen } from './seen.ts';
import {
  createTidier,
  tidyEnded,
  type EndedTokens,
  type Tidier,
  type TidierOptions,
} from './tidy-indexes.ts';

/** Pages that are read while one is looked at: Redis is at work meanwhile. More cost memory, and V8 more than they save. */
const READ_AHEAD = 1;
/** Keys that are read or deleted at once. */
const AT_ONCE = 500;

const INDEX = 'active-sessions-';
/**
 * Where Better Auth 1.7.25 writes, in milliseconds since 1970, before when sessions of a user do not count any more
 * (`revokedBeforeKey` in `db/internal-adapter`).
 */
const REVOKED_BEFORE = 'revoked-sessions-before-';

/** What one page of a scan found. */
export interface ScannedPage {
  readonly sessions: readonly CachedSession[];
  /** Keys of Better Auth's lists of each user's sessions. */
  readonly indexKeys: readonly string[];
}

export interface ScanOptions {
  /** Tells what is known of the users, too, which takes twice the time. */
  readonly users?: boolean;
  /** Reads the next page while the caller is at the one before. Not for what has to be decided on the latest values. */
  readonly ahead?: boolean;
}

/** Sessions in Better Auth's secondary storage. */
export interface SecondaryStorage {
  /** `host:port/number`, fit to be printed. */
  readonly place: string;
  /**
   * Every session there is, known by its value, its state by its expiry alone: `judge` tells more. One may come twice while
   * Redis makes room in its tables.
   */
  scan(options?: ScanOptions): AsyncGenerator<ScannedPage>;
  /**
   * Better Auth takes what was created before the mark of its user for revoked, wherever it still lies: such a session is
   * expired.
   * @param unmarked remembers users without such a mark, who are not asked about again
   */
  judge(sessions: readonly CachedSession[], unmarked?: Seen): Promise<readonly CachedSession[]>;
  /** Sessions of users as their indexes name them. Better Auth's indexes lose entries: there may be more. */
  namedSessions(userIds: readonly string[]): AsyncGenerator<readonly CachedSession[]>;
  /** The sessions of those tokens that have one. */
  read(tokens: readonly string[]): Promise<readonly CachedSession[]>;
  /** Whether there is anything under a token, be it no session. */
  holds(token: string): Promise<boolean>;
  /**
   * Ends sessions: first their keys go, then, `with indexes`, their entries in the lists of their users. Does not throw for
   * what Redis does: what has been deleted by then must be told.
   */
  end(sessions: readonly CachedSession[], scope: 'with indexes' | 'keys alone'): Promise<DeletedKeys>;
  /** As `end` with the keys alone, of sessions that were known by their values before. */
  endTokens(tokens: readonly string[]): Promise<DeletedKeys>;
  tidier(options: Omit<TidierOptions, 'prefix' | 'now'>): Tidier;
  /** Takes the entries of sessions that this run has ended out of some indexes. */
  tidyEnded(indexKeys: readonly string[], ended: EndedTokens): Promise<void>;
  /** Tries what `end` does on keys of nobody, so that a missing right shows before anything is changed. */
  rehearse(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param prefix of every key of the deployment; may be empty
 * @param now what expires before it is expired
 */
export function createSecondaryStorage(
  connection: RedisConnection,
  prefix: string,
  now: Instant,
): SecondaryStorage {
  const { guard, losses, place } = connection;
  const keys = createKeyReader(connection);
  const indexPrefix = `${prefix}${INDEX}`;
  const markPrefix = `${prefix}${REVOKED_BEFORE}`;
  const indexes = createIndexes(connection, keys, indexPrefix);

  const counting = (work: (count: CountDeletion) => Promise<void>) =>
    countDeletions(losses, (count) => guard(() => work(count)));

  const sessionsIn = (found: readonly Found[], withUser: boolean): readonly CachedSession[] =>
    found.flatMap(([key, value]) => readCachedSession(key.slice(prefix.length), value, now, withUser) ?? []);

  const judge = async (
    sessions: readonly CachedSession[],
    unmarked?: Seen,
  ): Promise<readonly CachedSession[]> => {
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
      return isRevoked ? { ...cached, session: { ...cached.session, state: 'expired' } } : cached;
    });
  };

  const read = async (tokens: readonly string[]): Promise<readonly CachedSession[]> => {
    const sessions: CachedSession[] = [];
    for (const some of chunksOf(tokens)) {
      const wanted = some.map((token) => `${prefix}${token}`);
      sessions.push(
        ...(await guard(async () => {
          const values = await keys.values(wanted);
          return judge(
            sessionsIn(
              wanted.flatMap((key, at) => present(key, values[at])),
              true,
            ),
          );
        })),
      );
    }
    return sessions;
  };

  /** The values of a page that may be sessions, and the keys of its indexes; null at the end. */
  const readPage = async (pages: AsyncGenerator<readonly string[]>) => {
    const page = await pages.next();
    if (page.done === true) return null;
    const indexKeys: string[] = [];
    const others: string[] = [];
    for (const key of page.value) {
      if (key.startsWith(indexPrefix)) indexKeys.push(key);
      // Better Auth writes something else there, so that no session can be.
      else if (!key.startsWith(markPrefix)) others.push(key);
    }
    return { indexKeys, found: await keys.sessionValues(others, prefix) };
  };

  return {
    place,
    read,
    holds: (token) => guard(async () => (await keys.missing([`${prefix}${token}`])).size === 0),

    async *scan({ users = false, ahead = false } = {}) {
      const pages = keys.scan(prefix);
      const reads = function* () {
        for (;;) {
          const page = guard(() => readPage(pages));
          // Should nobody come back for it, its failure is nobody's.
          page.catch(() => undefined);
          yield page;
        }
      };
      for await (const page of inOrder(reads(), ahead ? READ_AHEAD : 0)) {
        if (page === null) return;
        yield { sessions: sessionsIn(page.found, users), indexKeys: page.indexKeys };
      }
    },

    judge: (sessions, unmarked) => guard(() => judge(sessions, unmarked)),

    async *namedSessions(userIds) {
      for (const some of chunksOf(userIds)) {
        const lists = await guard(() => keys.values(some.map((id) => `${indexPrefix}${id}`)));
        const tokens = lists.flatMap((list) => readIndex(list ?? '') ?? []).map(({ token }) => token);
        for (const part of chunksOf([...new Set(tokens)])) {
          const named = new Set(some);
          // An index may name what is somebody else's by now.
          yield (await read(part)).filter(({ session }) => named.has(session.userId ?? ''));
        }
      }
    },

    end: (sessions, scope) =>
      counting(async (count) => {
        for (const some of chunksOf(sessions)) {
          await keys.unlink(
            some.map(({ token }) => `${prefix}${token}`),
            count,
          );
          if (scope === 'with indexes') await indexes.remove(some);
        }
      }),

    endTokens: (tokens) =>
      counting(async (count) => {
        const parts = [...chunksOf(tokens)].map((some) => some.map((token) => `${prefix}${token}`));
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

function present(key: string, value: string | null | undefined): readonly Found[] {
  return value === null || value === undefined ? [] : [[key, value]];
}

function* chunksOf<Value>(values: readonly Value[]): Generator<readonly Value[]> {
  for (let from = 0; from < values.length; from += AT_ONCE) yield values.slice(from, from + AT_ONCE);
}
