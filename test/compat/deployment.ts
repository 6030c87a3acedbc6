import type { BetterAuthOptions } from 'better-auth';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { createDrizzleTables } from '../support/drizzle-tables.ts';
import { createKeySpace, type KeySpace } from '../support/redis.ts';
import type { TestProfile } from '../support/run-sessionctl.ts';
import { optionsOf, type Application, type Release } from './application.ts';
import type { Cell } from './plan.ts';

/** An application of one release on a fresh database. Whoever calls drops it. */
export interface Deployment {
  readonly url: string;
  readonly profile: TestProfile;
  /** Null where there is no Redis. */
  readonly space: KeySpace | null;
  /**
   * @param expiresIn seconds that its sessions last
   * @param updateAge seconds after which a request refreshes one; a day unless given
   */
  readonly application: (expiresIn: number, updateAge?: number) => Application;
  readonly drop: () => Promise<void>;
}

export async function deploy(release: Release, cell: Cell): Promise<Deployment> {
  const database = await createDatabase(cell.dialect);
  const space = cell.mode === 'database' ? undefined : createKeySpace();
  const drop = async () => {
    await space?.drop();
    await database.drop();
  };
  try {
    const options = { ...(await install(release, cell, database)), ...secondaryOf(space) };
    return {
      url: database.url,
      profile: {
        timeZone: 'UTC',
        expiresIn: '7d',
        ...(space === undefined
          ? {}
          : { redis: { ...space.place.address, keyPrefix: space.prefix, settle: '0s' } }),
        ...(cell.mode === 'both' ? { storeInDatabase: true } : {}),
      },
      space: space ?? null,
      application: (expiresIn, updateAge = 24 * 3600) =>
        release.betterAuth(
          optionsOf({
            ...options,
            session: { expiresIn, updateAge, storeSessionInDatabase: cell.mode === 'both' },
          }),
        ),
      drop,
    };
  } catch (error) {
    await drop();
    throw error;
  }
}

/** Makes the tables, and gives what an application needs to work on them. */
async function install(
  release: Release,
  { adapter, dialect, mode }: Cell,
  database: TestDatabase,
): Promise<Pick<BetterAuthOptions, 'database'>> {
  if (adapter === 'drizzle') {
    if (release.drizzleAdapter === undefined) throw new Error('drizzle-orm is not installed');
    return { database: await createDrizzleTables(database, tablesOf[dialect], release.drizzleAdapter) };
  }
  const native = database.dialect === 'sqlite' ? database.connection : database.pool;
  // With secondary storage alone the table of the sessions is left out.
  const secondaryStorage = mode === 'secondary only' ? { secondaryStorage: nowhere } : {};
  const { runMigrations } = await release.getMigrations(optionsOf({ database: native, ...secondaryStorage }));
  await runMigrations();
  return { database: native };
}

const same = (name: string) => name;
const generated = { table: same, column: same, foreignKeys: true, usePlural: false };

/** As Better Auth's generator writes them for Drizzle. */
const tablesOf = {
  postgresql: { ...generated, time: 'timestamp' },
  mysql: { ...generated, time: 'timestamp(3)' },
  sqlite: { ...generated, time: 'milliseconds' },
} as const;

type SecondaryStorage = NonNullable<BetterAuthOptions['secondaryStorage']>;

const nowhere: SecondaryStorage = {
  get: () => null,
  set: () => null,
  delete: () => null,
  getAndDelete: () => null,
  increment: () => 1,
};

/** As the adapter of Better Auth's documentation, with a key prefix. The last two are asked for by new releases only. */
function secondaryOf(space: KeySpace | undefined): Pick<BetterAuthOptions, 'secondaryStorage'> {
  if (space === undefined) return {};
  const { client, prefix } = space;
  return {
    secondaryStorage: {
      get: (key) => client.get(prefix + key),
      set: async (key, value, lifetime) => {
        await space.set(key, value, lifetime);
      },
      delete: async (key) => {
        await client.del(prefix + key);
      },
      getAndDelete: (key) => client.getdel(prefix + key),
      increment: async (key, lifetime) => {
        const value = await client.incr(prefix + key);
        if (value === 1) await client.expire(prefix + key, lifetime);
        return value;
      },
    },
  };
}
