import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { quiet, startPrivateRedis, type RedisPlace } from './private-redis.ts';
import { scanKeys, unlinkKeys, type RedisClient } from './redis-keys.ts';
import { serverUrl } from './servers.ts';

/** The keys of one application. All names are given and told without the prefix. */
export interface KeySpace {
  readonly place: RedisPlace;
  /** Empty where the application has the whole of a database to itself. */
  readonly prefix: string;
  /** For whatever else a test wants to do; here keys have their full names. */
  readonly client: RedisClient;
  /** In the order of the alphabet. */
  readonly keys: () => Promise<readonly string[]>;
  readonly get: (name: string) => Promise<string | null>;
  /** @param lifetime in seconds; without one the key stays until somebody deletes it */
  readonly set: (name: string, value: string, lifetime?: number) => Promise<void>;
  /** In seconds; -1 for a key without a lifetime, -2 for none at all, as Redis says it. */
  readonly ttl: (name: string) => Promise<number>;
  /** @returns whether it was there */
  readonly unlink: (name: string) => Promise<boolean>;
  /** Deletes what is left of it, and disconnects. May be called again. */
  readonly drop: () => Promise<void>;
}

/**
 * Keys in the Redis that may be shared with others, under a prefix that nobody else has.
 * @param ending of the prefix, such as one with glob characters in it
 */
export function createKeySpace(ending = ':'): KeySpace {
  const url = serverUrl('redis');
  const place = { address: { url }, connect: () => quiet(new Redis(url)) };
  return keySpaceIn(place, `${inject('databasePrefix')}${randomBytes(5).toString('hex')}${ending}`);
}

/** Keys without a prefix, in a server of their own, which goes with them. */
export async function createBareKeySpace(): Promise<KeySpace> {
  const server = await startPrivateRedis();
  const space = keySpaceIn(server, '');
  return {
    ...space,
    drop: async () => {
      await space.drop();
      await server.stop();
    },
  };
}

/** Keys in a Redis that a test has started itself, and stops itself. */
export function keySpaceIn(place: RedisPlace, prefix: string): KeySpace {
  const client = place.connect();
  let dropping: Promise<void> | undefined;
  return {
    place,
    prefix,
    client,
    keys: async () => {
      const names = new Set<string>();
      for await (const { keys } of scanKeys(client, prefix))
        for (const key of keys) names.add(key.slice(prefix.length));
      return [...names].sort();
    },
    get: (name) => client.get(prefix + name),
    set: async (name, value, lifetime) => {
      if (lifetime === undefined) await client.set(prefix + name, value);
      else await client.set(prefix + name, value, 'EX', lifetime);
    },
    ttl: (name) => client.ttl(prefix + name),
    unlink: async (name) => (await client.unlink(prefix + name)) === 1,
    drop: () =>
      (dropping ??= (async () => {
        // Nothing can be deleted, and nothing is left, where a test has stopped the server.
        if (!['close', 'reconnecting', 'end'].includes(client.status)) await unlinkKeys(client, prefix);
        client.disconnect();
      })()),
  };
}
