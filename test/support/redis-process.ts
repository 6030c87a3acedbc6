import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { redisFiles } from './leftover-redis.ts';
import { freePort } from './private-postgres.ts';
import { startServer, type PrivateServer } from './private-server.ts';

/** Somebody who may do everything on a server. */
export interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
}

export interface RedisProcess extends PrivateServer {
  readonly port: number;
  readonly directory: string;
}

export interface RedisProcessOptions {
  readonly credentials?: RedisCredentials;
  /** Words of the command line; is called again with another port if somebody was quicker to take this one. */
  readonly words: (port: number, directory: string) => Promise<readonly string[]> | readonly string[];
}

/** The command line of settings that are given. */
export function settings(values: Readonly<Record<string, string | number | undefined>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
}

/** Starts redis-server in a directory of its own, which goes when it is stopped. */
export async function startRedisProcess(options: RedisProcessOptions): Promise<RedisProcess> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await tryToStart(options);
    } catch (error) {
      // Between the search for a free port and its use, somebody else may have taken it.
      if (attempts === 3) throw error;
    }
  }
}

async function tryToStart({ credentials = {}, words }: RedisProcessOptions): Promise<RedisProcess> {
  const directory = mkdtempSync(join(inject('temporaryDirectory'), redisFiles.prefix));
  const remove = () => {
    rmSync(directory, { recursive: true, force: true });
  };
  // Certificates lie in it, which some tests read as a user who owns nothing.
  chmodSync(directory, 0o755);
  const port = await freePort();
  const path = join(directory, redisFiles.socket);
  try {
    const server = await startServer(
      'redis-server',
      [
        ...(await words(port, directory)),
        ...settings({
          bind: '127.0.0.1 -::1',
          unixsocket: path,
          pidfile: join(directory, redisFiles.pid),
          dir: directory,
        }),
      ],
      {
        cwd: directory,
        stopBy: 'SIGKILL',
        askEvery: 10,
        // By the socket in its directory nobody else can answer.
        isUp: async () => {
          const client = new Redis({ path, ...credentials, lazyConnect: true, retryStrategy: () => null });
          client.on('error', () => undefined);
          try {
            await client.connect();
            await client.ping();
          } finally {
            client.disconnect();
          }
        },
      },
    );
    return {
      port,
      directory,
      restart: server.restart,
      stop: async () => {
        await server.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
