import type { Cluster, Redis } from 'ioredis';
import type { RedisSettings } from '../../config/settings.ts';
import type { Redactor } from '../../redaction.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { insistOnDatabase } from './insist-on-database.ts';
import { explainedRedis } from './redis-refusals.ts';
import { describeRedis, parseRedisUrl, type RedisLocation } from './redis-location.ts';

export interface RedisOptions {
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

/** A way to Redis, however it is run. */
export interface RedisConnection {
  /** Whatever concerns keys that are named goes through this one. */
  readonly client: Redis | Cluster;
  /** `host:port/number`, fit to be printed. */
  readonly place: string;
  readonly isCluster: boolean;
  /** Every server that holds a part of the keys, to be scanned one by one. */
  readonly nodes: () => readonly Redis[];
  /** Runs commands and turns what the client throws into the errors of sessionctl. Given up by the signal. */
  readonly guard: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** As `guard`, but carried to its end whatever the signal. */
  readonly settle: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** How often a connection has been lost so far; what was under way then the client sends again. */
  readonly losses: () => number;
  readonly close: () => Promise<void>;
}

/** Attempts to connect again after a connection was lost, the pauses between them doubled up to a second. */
const ATTEMPTS = 12;
/** Milliseconds in which a command has to be answered. */
const COMMAND_TIMEOUT = 30_000;

/**
 * Connects, and makes sure that commands are answered.
 * @throws ConnectionError where Redis cannot be reached or refuses, within the connect timeout
 */
export async function connectRedis(
  settings: RedisSettings,
  { redactor, signal }: RedisOptions,
): Promise<RedisConnection> {
  const location = parseRedisUrl(settings);
  redactor.protect(location.password);
  const place = describeRedis(location, settings);
  const client = await createClient(settings, location);
  let lastError: unknown = null;
  // What the client meets while it connects it tells only here; without a listener it would print that.
  client.on('error', (error: unknown) => {
    lastError = error;
  });
  // A cluster has one database.
  const refused = 'nodes' in client ? null : insistOnDatabase(client, place);
  const settle = <Result>(work: () => Promise<Result>) =>
    explainedRedis(place, async () => {
      if (refused === null) return work();
      try {
        return await unlessAborted(refused, work);
      } catch (error) {
        refused.throwIfAborted();
        throw error;
      }
    });
  let losses = 0;
  client.on('nodes' in client ? '-node' : 'close', () => {
    losses += 1;
  });
  const guard = <Result>(work: () => Promise<Result>) => settle(() => unlessAborted(signal, work));
  try {
    await guard(() =>
      inTime(settings.connectTimeout, async () => {
        try {
          await client.connect();
          // A user of Redis may be kept to the keys of the deployment.
          await client.get(`${settings.keyPrefix}sessionctl-reachable`);
        } catch (error) {
          throw lastError ?? error;
        }
      }),
    );
  } catch (error) {
    client.disconnect();
    throw error;
  }
  lastError = null;
  return {
    client,
    place,
    isCluster: settings.cluster,
    nodes: () => ('nodes' in client ? client.nodes('master') : [client]),
    guard,
    settle,
    losses: () => losses,
    close: async () => {
      // Whoever was stopped waits for no goodbye.
      if (signal.aborted) client.disconnect();
      else await client.quit().catch(() => undefined);
    },
  };
}

/** Who takes a connection may still never answer on it, for which the client has no patience of its own but a command's. */
async function inTime<Result>(milliseconds: number, work: () => Promise<Result>): Promise<Result> {
  const late = AbortSignal.timeout(milliseconds);
  try {
    return await unlessAborted(late, work);
  } catch (error) {
    if (late.aborted) throw Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
    throw error;
  }
}

async function createClient(settings: RedisSettings, location: RedisLocation): Promise<Redis | Cluster> {
  const { host, port, socket, family, username, password, database, tls } = location;
  const { Redis: RedisClient, Cluster: ClusterClient } = await import('ioredis');
  let wasConnected = false;
  /** Who cannot connect at first is told so at once; a connection that is lost later may come back. */
  const pause = (attempt: number) =>
    wasConnected && attempt <= ATTEMPTS ? Math.min(50 * 2 ** attempt, 1000) : null;
  const common = {
    lazyConnect: true,
    connectTimeout: settings.connectTimeout,
    commandTimeout: COMMAND_TIMEOUT,
    connectionName: 'sessionctl',
    // Commands of one moment travel together; in a cluster, each part to the node that holds its keys.
    enableAutoPipelining: true,
    // Of those that travel together the next wait for the answers of all; what concerns many keys at once need not.
    autoPipeliningIgnoredCommands: settings.cluster ? ['scan'] : ['scan', 'mget', 'unlink', 'exists'],
    maxRetriesPerRequest: ATTEMPTS,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(family === null ? {} : { family }),
    ...(tls
      ? { tls: { ...tlsOptions(settings), ...(location.unverified ? { rejectUnauthorized: false } : {}) } }
      : {}),
  };
  const client = settings.cluster
    ? new ClusterClient([{ host, port }], {
        lazyConnect: true,
        redisOptions: common,
        slotsRefreshTimeout: settings.connectTimeout,
        clusterRetryStrategy: pause,
        enableAutoPipelining: true,
      })
    : new RedisClient({
        ...common,
        // INFO, by which the client would ask whether a server is still loading, may not be allowed; the first GET tells.
        enableReadyCheck: false,
        db: database,
        retryStrategy: pause,
        ...(settings.sentinels.length === 0
          ? socket === null
            ? { host, port }
            : { path: socket }
          : {
              name: host,
              sentinels: settings.sentinels.map(hostAndPort),
              sentinelRetryStrategy: pause,
              ...(settings.sentinelPassword === null ? {} : { sentinelPassword: settings.sentinelPassword }),
              ...(tls ? { enableTLSForSentinelMode: true } : {}),
            }),
      });
  client.on('ready', () => {
    wasConnected = true;
  });
  return client;
}

function tlsOptions({ tls }: RedisSettings) {
  if (tls === null) return {};
  return {
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls.key === null ? {} : { key: tls.key }),
  };
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}
