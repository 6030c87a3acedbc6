import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** A database server of a test's own, which it may stop and start again. */
export interface PrivateServer {
  /** Breaks every connection; when this returns, the server can be used again. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface ServerOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd: string;
  /** Ends it at once, without waiting for those who are connected. */
  readonly stopBy: NodeJS.Signals;
  /** Connects; rejects as long as the server is not there. */
  readonly isUp: () => Promise<void>;
  /** Milliseconds between two attempts to connect; 100 unless told otherwise. */
  readonly askEvery?: number;
}

/** Starts a server and waits until it can be used. */
export async function startServer(
  program: string,
  args: readonly string[],
  { stopBy, isUp, askEvery = 100, ...options }: ServerOptions,
): Promise<PrivateServer> {
  let server: ChildProcess;
  let ended: Promise<void>;
  const stop = async () => {
    server.kill(stopBy);
    await ended;
  };
  const start = async () => {
    server = spawn(program, args, { ...options, stdio: 'ignore' });
    ended = new Promise((resolve) => {
      for (const event of ['exit', 'error'] as const) {
        server.once(event, () => {
          resolve();
        });
      }
    });
    for (let waited = 0; waited < 20_000 && isRunning(server); waited += askEvery) {
      try {
        await isUp();
        return;
      } catch {
        await sleep(askEvery);
      }
    }
    await stop();
    throw new Error(`the private ${program} did not start`);
  };
  await start();
  return {
    stop,
    restart: async () => {
      await stop();
      await start();
    },
  };
}

function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}
