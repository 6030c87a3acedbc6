import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, makeCertificate } from './private-postgres.ts';
import type { PrivateServer } from './private-server.ts';
import type { RedisClient } from './redis-keys.ts';
import { settings, startRedisProcess, type RedisCredentials } from './redis-process.ts';
import type { RedisProfile } from './run-sessionctl.ts';
import { until } from './until.ts';

/** What sessionctl is told of a Redis; the key prefix is the application's. */
export type RedisAddress = Omit<RedisProfile, 'keyPrefix'>;

/** A Redis of any kind, and how to reach it. */
export interface RedisPlace {
  /** With every right. */
  readonly address: RedisAddress;
  /** Connects as an application would, with every right. Whoever asks disconnects. */
  readonly connect: () => RedisClient;
}

export interface AclUser {
  readonly name: string;
  readonly password: string;
  /** What the user may do, such as `~app:* +@read +@connection`. */
  readonly rules: string;
}

/** A Redis server of a test's own. It keeps nothing on disk: after a restart it has no keys. */
export interface PrivateRedis extends PrivateServer, RedisPlace {
  readonly port: number;
  /** Where its files lie, as long as it has not been stopped. */
  readonly directory: string;
  readonly credentials: RedisCredentials;
  readonly connect: () => Redis;
  /** For whoever comes with other credentials; without any, like somebody who gave none. */
  readonly addressFor: (credentials: RedisCredentials) => RedisAddress;
}

export interface PrivateRedisOptions {
  /** Of the default user. */
  readonly password?: string;
  /** Go into a users file; the default user is switched off there. */
  readonly users?: readonly AclUser[];
  /** Takes connections with TLS alone, under the name `localhost` and no other; `mutual` asks for a certificate too. */
  readonly tls?: 'server' | 'mutual';
  /** Follows this one, and takes no writes from anybody else. In step when the promise resolves. */
  readonly replicaOf?: PrivateRedis;
  /** Such as `2mb`, beyond which it refuses to store anything. */
  readonly maxmemory?: string;
  /** To become a node of a Cluster; alone it serves no key. */
  readonly cluster?: boolean;
  /** Further settings of the configuration. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** What every server here has in common: nothing is written to disk, and nobody waits for replicas to gather. */
export const commonSettings = { save: '', appendonly: 'no', 'repl-diskless-sync-delay': 0 } as const;

/** Why no private server can be started here, or undefined where one can. */
export function missingRedisServer(): string | undefined {
  return spawnSync('redis-server', ['--version']).status === 0
    ? undefined
    : 'no redis-server in PATH to start a server of its own';
}

/** Starts a server. Whoever starts it stops it, which removes everything that it left. */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const { password, users, replicaOf } = options;
  const credentials = credentialsOf(options);
  const certificate = options.tls === undefined ? undefined : makeCertificate();
  const server = await startRedisProcess({
    credentials,
    words: async (port, directory) => {
      const write = (name: string, text: string) => {
        const path = join(directory, name);
        writeFileSync(path, text);
        return path;
      };
      return settings({
        ...commonSettings,
        port: certificate === undefined ? port : 0,
        ...(certificate === undefined
          ? {}
          : {
              'tls-port': port,
              'tls-cert-file': write('cert.pem', certificate.cert),
              'tls-key-file': write('key.pem', certificate.key),
              // It signs itself, so it is its own authority.
              'tls-ca-cert-file': join(directory, 'cert.pem'),
              'tls-auth-clients': options.tls === 'mutual' ? 'yes' : 'no',
            }),
        requirepass: password,
        aclfile: users === undefined ? undefined : write('users.acl', usersFile(users)),
        replicaof: replicaOf === undefined ? undefined : `127.0.0.1 ${String(replicaOf.port)}`,
        masteruser: replicaOf?.credentials.username,
        masterauth: replicaOf?.credentials.password,
        maxmemory: options.maxmemory,
        ...(options.cluster === true
          ? {
              'cluster-enabled': 'yes',
              // The usual one lies ten thousand higher, where for many a free port there is none.
              'cluster-port': await freePort(),
              'cluster-node-timeout': 2000,
              'cluster-announce-ip': '127.0.0.1',
            }
          : {}),
        ...options.settings,
      });
    },
  });

  const tls =
    certificate === undefined
      ? undefined
      : {
          ca: join(server.directory, 'cert.pem'),
          ...(options.tls === 'mutual'
            ? { cert: join(server.directory, 'cert.pem'), key: join(server.directory, 'key.pem') }
            : {}),
        };
  const addressFor = ({ username, password: secret }: RedisCredentials): RedisAddress => {
    const url = new URL(
      tls === undefined
        ? `redis://127.0.0.1:${String(server.port)}`
        : `rediss://localhost:${String(server.port)}`,
    );
    if (username !== undefined) url.username = username;
    if (secret !== undefined) url.password = secret;
    return { url: url.href, ...(tls === undefined ? {} : { tls }) };
  };
  const address = addressFor(credentials);
  const connect = () =>
    quiet(
      new Redis(
        address.url,
        certificate === undefined ? {} : { tls: { ca: certificate.cert, ...certificate } },
      ),
    );
  if (replicaOf !== undefined) {
    try {
      await untilInStep(replicaOf, server.port);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }
  return {
    address,
    addressFor,
    connect,
    credentials,
    port: server.port,
    directory: server.directory,
    restart: server.restart,
    stop: server.stop,
  };
}

/** A client that says nothing when its server goes away, as it does in many a test. */
export function quiet<Client extends RedisClient>(client: Client): Client {
  client.on('error', () => undefined);
  return client;
}

const almighty = { name: 'almighty', password: 'may-do-everything', rules: '~* &* +@all' } as const;

function credentialsOf({ users, password }: PrivateRedisOptions): RedisCredentials {
  if (users !== undefined) return { username: almighty.name, password: almighty.password };
  return password === undefined ? {} : { password };
}

function usersFile(users: readonly AclUser[]): string {
  const lines = [almighty, ...users].map(
    ({ name, password, rules }) => `user ${name} on >${password} ${rules}`,
  );
  return `${['user default off', ...lines].join('\n')}\n`;
}

async function untilInStep(primary: PrivateRedis, port: number): Promise<void> {
  const client = primary.connect();
  try {
    // The replica takes itself for linked before the primary sends it the first write.
    await until('the replica is in step', async () =>
      (await client.info('replication')).includes(`port=${String(port)},state=online`),
    );
  } finally {
    client.disconnect();
  }
}
