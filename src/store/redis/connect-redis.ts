import type { Cluster, Redis } from 'ioredis';
import type { RedisSettings } from '../../config/settings.ts';
import type { Redactor } from '../../redaction.ts';
import { lastWord } from '../last-word.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { insistOnDatabase } from './insist-on-database.ts';
import { explainedRedis } from './redis-refusals.ts';
import { describeRedis, parseRedisUrl, type RedisLocation } from './redis-location.ts';

export interface RedisOptions {
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

/** A connection to Redis: to one server, through sentinels, or to a cluster. */
export interface RedisConnection {
  /** Send every command about named keys through this client. */
  readonly client: Redis | Cluster;
  /** `host:port/number`, safe to print. */
  readonly place: string;
  readonly isCluster: boolean;
  /** Every server that holds some of the keys, to scan one by one. */
  readonly nodes: () => readonly Redis[];
  /** Runs commands and turns client errors into errors of sessionctl. Aborted by the signal. */
  readonly guard: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** Like `guard`, but after the signal waits for a moment longer. @throws UnansweredError if that was not enough */
  readonly settle: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** How many times a connection has been lost. The client then sends pending commands again. */
  readonly losses: () => number;
  readonly close: () => Promise<void>;
}

/** Attempts to reconnect after a connection was lost. The pauses between them double, up to a second. */
const ATTEMPTS = 12;
/** Milliseconds within which a command must be answered. */
const COMMAND_TIMEOUT = 30_000;

/**
 * Connects, and checks that commands are answered.
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
  // The client reports connection errors only here, and would print them without a listener.
  client.on('error', (error: unknown) => {
    lastError = error;
  });
  // A cluster has only one database.
  const refused = 'nodes' in client ? null : insistOnDatabase(client, place);
  const hopeless = AbortSignal.any([lastWord(signal), ...(refused === null ? [] : [refused])]);
  const settle = <Result>(work: () => Promise<Result>) =>
    explainedRedis(place, () => unlessAborted(hopeless, work));
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
          // A Redis user may be restricted to the keys of the deployment.
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
      // After the signal, do not wait for the server to close the connection.
      if (signal.aborted) client.disconnect();
      else await client.quit().catch(() => undefined);
    },
  };
}

/** A server may accept a connection and never answer. The client itself has a time limit only for commands. */
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
  /** A failed first connection is reported at once; a connection lost later may come back. */
  const pause = (attempt: number) =>
    wasConnected && attempt <= ATTEMPTS ? Math.min(50 * 2 ** attempt, 1000) : null;
  const common = {
    lazyConnect: true,
    connectTimeout: settings.connectTimeout,
    commandTimeout: COMMAND_TIMEOUT,
    connectionName: 'sessionctl',
    // Commands of one moment are sent together; in a cluster, each part to the node that holds its keys.
    enableAutoPipelining: true,
    // Of commands sent together, the next ones wait for all answers. Commands about many keys need not.
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
        // INFO, with which the client would ask whether a server is still loading, may be forbidden. The first GET
        // shows it.
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
