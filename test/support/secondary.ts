import { redisStorage } from '@better-auth/redis-storage';
import type { BetterAuthOptions } from 'better-auth';
import type { Redis } from 'ioredis';
import { liveSessions, type App, type AppOptions, type Person, type SignIn } from './app.ts';
import type { RedisClient } from './redis-keys.ts';
import { createBareKeySpace, createKeySpace, type KeySpace } from './redis.ts';
import type { TestProfile } from './run-sessionctl.ts';
import type { Dialect } from './servers.ts';
import { deploy, ownShape, type Deployment } from './shapes.ts';

/** What Better Auth's documentation lets an application do with its sessions beside secondary storage. */
export const modes = ['secondary only', 'both', 'preserved'] as const;
export type Mode = (typeof modes)[number];

/** `@better-auth/redis-storage` with a key prefix, or the adapter of the documentation, which has none. */
export const storages = ['official', 'hand-written'] as const;
export type StorageKind = (typeof storages)[number];

type SecondaryStorage = NonNullable<BetterAuthOptions['secondaryStorage']>;

export interface SecondaryOptions {
  readonly dialect: Dialect;
  readonly mode: Mode;
  readonly storage: StorageKind;
  /** Where the application keeps its keys; one of the test's own unless given. Goes with the deployment in any case. */
  readonly space?: KeySpace;
  /** Further options of the application. */
  readonly options?: Omit<AppOptions, 'database' | 'secondaryStorage'>;
  /** Stands between the application and its storage, such as to hold up a write. */
  readonly around?: (storage: SecondaryStorage) => SecondaryStorage;
}

/** An application whose sessions stand in Redis. */
export interface SecondaryDeployment extends Deployment {
  readonly mode: Mode;
  readonly space: KeySpace;
  /** What the operator has to tell sessionctl: for `operatorOn` and `writeConfig`. */
  readonly profile: TestProfile;
  /** Drops database and keys. */
  readonly drop: () => Promise<void>;
}

/** A fresh database, made by Better Auth's own migrations, and a key space. Whoever calls drops them. */
export async function deploySecondary(given: SecondaryOptions): Promise<SecondaryDeployment> {
  const { dialect, mode, storage } = given;
  const space = given.space ?? (storage === 'official' ? createKeySpace() : await createBareKeySpace());
  // The application has a connection of its own: what a test does on the other must not wait for it.
  const client = space.place.connect();
  const dropRedis = async () => {
    client.disconnect();
    await space.drop();
  };
  try {
    const bare = storage === 'official' ? officialStorage(client, space.prefix) : handWritten(client, space);
    const profile = profileOf(mode, space);
    const shape = ownShape(dialect, `own adapter, ${mode}, ${storage} storage`, {
      options: {
        ...given.options,
        secondaryStorage: given.around?.(bare) ?? bare,
        session: {
          ...given.options?.session,
          storeSessionInDatabase: mode !== 'secondary only',
          preserveSessionInDatabase: mode === 'preserved',
        },
      },
      profile,
    });
    const deployment = await deploy(shape);
    return {
      ...deployment,
      mode,
      space,
      profile,
      drop: async () => {
        await dropRedis();
        await deployment.database.drop();
      },
    };
  } catch (error) {
    await dropRedis();
    throw error;
  }
}

/** What is known of a session from every side. */
export interface Standing {
  readonly token: string;
  /** `auth.api.getSession` takes its cookie for valid. */
  readonly answers: boolean;
  /** `auth.api.listSessions` names it to its user; nobody is told anything once none of their cookies is valid. */
  readonly listed: boolean;
  /** Its key is in Redis. */
  readonly inRedis: boolean;
  /** The index of its user's sessions names it. */
  readonly inIndex: boolean;
  /** It has a row, which in mode `preserved` it keeps. */
  readonly inDatabase: boolean;
}

/** Asks Better Auth, which changes nothing by it, and both stores about the sign-ins of one person. */
export async function standingOf(
  deployment: SecondaryDeployment,
  person: Person,
  signIns: readonly SignIn[],
): Promise<readonly Standing[]> {
  const { app, space } = deployment;
  const answering = await whichAnswer(app, signIns);
  const listed = await listedTokens(app, answering[0]);
  const indexed = await indexedTokens(space, person.id);
  const stored = await storedTokens(deployment, person.id);
  return Promise.all(
    signIns.map(async (signIn) => {
      const { token } = signIn;
      return {
        token,
        answers: answering.includes(signIn),
        listed: listed.includes(token),
        inRedis: (await space.get(token)) !== null,
        inIndex: indexed.includes(token),
        inDatabase: stored.includes(token),
      };
    }),
  );
}

/** Those that Better Auth takes for valid; asking refreshes none of them. */
export async function whichAnswer(app: App, signIns: readonly SignIn[]): Promise<readonly SignIn[]> {
  const answers = await Promise.all(
    signIns.map(({ cookie }) => app.api.getSession({ headers: { cookie }, query: { disableRefresh: true } })),
  );
  return signIns.filter((_, position) => answers[position] !== null);
}

/** The tokens that the index of a user's sessions names, in its order; none where there is no index. */
export async function indexedTokens(space: KeySpace, userId: string): Promise<readonly string[]> {
  return (await readIndex(space, userId)).map(({ token }) => token);
}

export interface IndexEntry {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** The name of a user's index in the key space. Better Auth: `getActiveSessionReferences` in `internal-adapter`. */
export const indexOf = (userId: string) => `active-sessions-${userId}`;

/** Better Auth's index of a user's sessions. */
export async function readIndex(space: KeySpace, userId: string): Promise<readonly IndexEntry[]> {
  const text = await space.get(indexOf(userId));
  return text === null ? [] : (JSON.parse(text) as readonly IndexEntry[]);
}

/** Puts another list in its place, with its lifetime: for what races leave behind. */
export async function writeIndex(
  space: KeySpace,
  userId: string,
  entries: readonly IndexEntry[],
): Promise<void> {
  const lifetime = await space.ttl(indexOf(userId));
  await space.set(indexOf(userId), JSON.stringify(entries), lifetime > 0 ? lifetime : undefined);
}

/** The tokens in the session table, of one user or of all; none where there is no such table. */
export async function storedTokens(
  { database, shape, mode }: Pick<SecondaryDeployment, 'database' | 'shape' | 'mode'>,
  userId?: string,
): Promise<readonly string[]> {
  if (mode === 'secondary only') return [];
  const rows = await database.query(
    `SELECT ${shape.column('token')} AS token, ${shape.column('userId')} AS owner FROM ${shape.table('session')}`,
  );
  return rows
    .filter(({ owner }) => userId === undefined || String(owner) === userId)
    .map(({ token }) => String(token));
}

async function listedTokens(app: App, answering: SignIn | undefined): Promise<readonly string[]> {
  if (answering === undefined) return [];
  return (await liveSessions(app, answering.cookie)).map(({ token }) => token);
}

export function officialStorage(client: RedisClient, keyPrefix: string): SecondaryStorage {
  // Its type asks for one server, and applications hand it a Cluster all the same: every command has one key.
  return redisStorage({ client: client as Redis, keyPrefix });
}

/** As in https://www.better-auth.com/docs/concepts/database#secondary-storage, with ioredis. */
function handWritten(client: RedisClient, { prefix }: KeySpace): SecondaryStorage {
  if (prefix !== '') throw new Error('the adapter of the documentation has no key prefix');
  return {
    get: (key) => client.get(key),
    set: async (key, value, ttl) => {
      if (ttl === undefined) await client.set(key, value);
      else await client.set(key, value, 'EX', ttl);
    },
    delete: async (key) => {
      await client.del(key);
    },
    getAndDelete: (key) => client.getdel(key),
    increment: async (key, ttl) => {
      const value = await client.incr(key);
      if (value === 1) await client.expire(key, ttl);
      return value;
    },
  };
}

export function profileOf(mode: Mode, { place, prefix }: KeySpace): TestProfile {
  return {
    // The pools of the tests write UTC.
    timeZone: 'UTC',
    // Two seconds each, as by default, would be most of what these tests take.
    redis: { ...place.address, keyPrefix: prefix, settle: '0s' },
    ...(mode === 'secondary only' ? {} : { storeInDatabase: true }),
    ...(mode === 'preserved' ? { preserveInDatabase: true } : {}),
  };
}
