import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

/** Where a private Redis keeps these, for whoever has to end it when its test no longer can. */
export const redisFiles = { prefix: 'redis-', socket: 'socket', pid: 'pid' } as const;

/** Ends every private Redis of a run whose test did not live to stop it. */
export async function killLeftoverRedis(temporaryDirectory: string): Promise<void> {
  for (const name of readdirSync(temporaryDirectory)) {
    if (!name.startsWith(redisFiles.prefix)) continue;
    const directory = join(temporaryDirectory, name);
    // Only whoever still listens here is this server; its number may long be another process's.
    if (await listens(join(directory, redisFiles.socket)))
      process.kill(Number(readFileSync(join(directory, redisFiles.pid), 'utf8')), 'SIGKILL');
  }
}

async function listens(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => {
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
  } finally {
    socket.destroy();
  }
}
