import {
  keepsRecords,
  type DatabaseSettings,
  type RedisSettings,
  type SessionSettings,
} from '../../config/settings.ts';
import { createCombinedStore } from './combined-store.ts';
import { createSessionCreation } from '../creation.ts';
import { openDatabaseStore, type OpenOptions } from '../database/open.ts';
import { openDirectory } from '../database/open-directory.ts';
import type { DeploymentStore } from '../deployment-store.ts';
import { connectRedis } from '../redis/connect-redis.ts';
import { createCachedCreation } from '../redis/create-cached.ts';
import { withRedisWaysBack } from '../redis/redis-ways-back.ts';
import { createSecondaryStorage } from '../redis/secondary-storage.ts';
import { figuresOfSessions } from './figures-of-sessions.ts';
import { heedsMarks } from '../../sessions/release.ts';
import { createRowsBehind } from './rows-behind.ts';
import { mismatchOf } from './store-mismatch.ts';

export interface CombinedSettings {
  readonly database: DatabaseSettings;
  readonly redis: RedisSettings;
  readonly session: SessionSettings;
  /** The release of Better Auth; null where it is not known. */
  readonly release: string | null;
}

/** Milliseconds. Better Auth keeps its marks at least this long (1.7.25, `db/internal-adapter`, revokedBeforeTTL). */
const DAY = 24 * 60 * 60_000;

/**
 * Opens a database and the Redis that is used with it. With `store_in_database` sessions are in both. Without it, the
 * session table is not read and need not exist.
 * @throws ConnectionError, SchemaError
 */
export async function openCombinedStore(
  { database, redis, session, release }: CombinedSettings,
  options: OpenOptions,
): Promise<DeploymentStore> {
  const expiresIn = session.declaredExpiresIn;
  const preserve = keepsRecords({ redis, session });
  const table = session.storeInDatabase
    ? await openDatabaseStore(database, { ...options, expiresIn, preserve })
    : null;
  const directory = table ?? (await openDirectory(database, options));
  try {
    const connection = await connectRedis(redis, options);
    const { keyPrefix } = redis;
    const { now } = directory;
    const rows = table === null ? null : createRowsBehind(table.rows, table);
    const steadfastRows = table === null ? null : createRowsBehind(table.steadfastRows, table.steadfast);
    const marks = heedsMarks(release);
    const secondary = createSecondaryStorage(connection, keyPrefix, now, rows, expiresIn, marks);
    const steadfast = createSecondaryStorage(
      { ...connection, guard: connection.settle },
      keyPrefix,
      now,
      steadfastRows,
      expiresIn,
      marks,
    );
    const store = createCombinedStore({
      directory,
      waysBack: withRedisWaysBack(directory, connection, keyPrefix),
      table,
      secondary,
      steadfast,
      preserve,
      settle: redis.settle,
      heedsMarks: marks,
      markLife: Math.max(session.expiresIn, DAY),
      signal: options.signal,
      expiresIn,
    });
    return {
      ...store,
      creation: createSessionCreation({
        directory,
        rows: table?.rowCreation ?? null,
        secondary: { creation: createCachedCreation(connection, keyPrefix), storage: steadfast },
      }),
      findMismatch: () =>
        mismatchOf({ directory, rows: table?.rows ?? null, connection, secondary, keyPrefix }),
      figures: (selection) => figuresOfSessions(store, selection),
      history: directory.history,
      lock: (name, own, wait) => directory.lock(name, own, wait),
      openReplication: () => directory.openReplication(),
      close: async () => {
        await secondary.close();
        await directory.close();
      },
    };
  } catch (error) {
    await directory.close();
    throw error;
  }
}
