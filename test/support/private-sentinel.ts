import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { quiet, startPrivateRedis, type PrivateRedis, type RedisPlace } from './private-redis.ts';
import { startRedisProcess, type RedisCredentials, type RedisProcess } from './redis-process.ts';
import { until } from './until.ts';

/** A master, a replica, and one Sentinel that decides by itself. */
export interface PrivateSentinel extends RedisPlace {
  /** The host in the URL of whoever asks the Sentinel. */
  readonly name: string;
  readonly sentinelPort: number;
  /** What was the master at first. */
  readonly master: PrivateRedis;
  /** What was the replica at first. */
  readonly replica: PrivateRedis;
  readonly connect: () => Redis;
  /** Makes the replica the master with all that was written; when this returns, the Sentinel sends everybody there. */
  readonly failOver: () => Promise<void>;
  /** The port of whom the Sentinel takes for the master. */
  readonly masterPort: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

const name = 'mymaster';

export async function startPrivateSentinel(
  options: { readonly password?: string } = {},
): Promise<PrivateSentinel> {
  const running: { readonly stop: () => Promise<void> }[] = [];
  const started = <Server extends { readonly stop: () => Promise<void> }>(server: Server): Server => {
    running.unshift(server);
    return server;
  };
  const stop = async () => {
    for (const server of running) await server.stop();
  };
  try {
    // Both show the password to whoever is the master, which either may be.
    const settings = options.password === undefined ? {} : { masterauth: options.password };
    const master = started(await startPrivateRedis({ ...options, settings }));
    const replica = started(await startPrivateRedis({ ...options, settings, replicaOf: master }));
    const sentinel = started(await startSentinel(master, options.password));
    const port = sentinel.port;
    const masterPort = () => ask(port, async (client) => Number((await masterAddress(client))[1]));
    await ask(port, (client) => until('the Sentinel knows the replica', () => knowsReplica(client)));
    const { credentials } = master;
    return {
      name,
      sentinelPort: port,
      master,
      replica,
      address: {
        url: `redis://${options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`}${name}/0`,
        sentinels: [`127.0.0.1:${String(port)}`],
      },
      connect: () =>
        quiet(
          new Redis({
            sentinels: [{ host: '127.0.0.1', port }],
            name,
            ...credentials,
          }),
        ),
      masterPort,
      failOver: async () => {
        const before = await masterPort();
        // A write that is still on its way to the replica would be lost.
        await ask(before, (client) => client.wait(1, 5000), credentials);
        await ask(port, (client) => client.call('SENTINEL', 'FAILOVER', name));
        await until('the Sentinel has another master', async () => (await masterPort()) !== before);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startSentinel(master: PrivateRedis, password: string | undefined): Promise<RedisProcess> {
  return startRedisProcess({
    words: (port, directory) => {
      // It writes into this file whatever it learns.
      const file = join(directory, 'sentinel.conf');
      const lines = [
        `sentinel monitor ${name} 127.0.0.1 ${String(master.port)} 1`,
        `sentinel down-after-milliseconds ${name} 1000`,
        `sentinel failover-timeout ${name} 3000`,
        ...(password === undefined ? [] : [`sentinel auth-pass ${name} ${password}`]),
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      return [file, '--sentinel', '--port', String(port)];
    },
  });
}

async function ask<Answer>(
  port: number,
  question: (client: Redis) => Promise<Answer>,
  credentials: RedisCredentials = {},
): Promise<Answer> {
  const client = quiet(new Redis({ host: '127.0.0.1', port, ...credentials }));
  try {
    return await question(client);
  } finally {
    client.disconnect();
  }
}

async function masterAddress(client: Redis): Promise<readonly string[]> {
  return (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as readonly string[];
}

/** It fails over to nobody whose own word it has not heard yet. */
async function knowsReplica(client: Redis): Promise<boolean> {
  const replicas = (await client.call('SENTINEL', 'REPLICAS', name)) as readonly (readonly string[])[];
  return replicas.some((fields) => fields[fields.indexOf('master-link-status') + 1] === 'ok');
}
