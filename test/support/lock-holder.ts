import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import type { DatabaseSettings } from '../../src/config/settings.ts';
import { bareEnvironment, emptyDirectory, type RunOptions } from './run-sessionctl.ts';

/** What became of the attempt of another process to take a lock. */
export type Attempt =
  | { readonly held: true; readonly at: number }
  | { readonly held: false; readonly code: string; readonly exitCode: number; readonly message: string };

export interface LockHolder {
  readonly pid: number;
  readonly attempt: Promise<Attempt>;
  /** Lets the lock go in good order, and waits for the end of the process. */
  readonly release: () => Promise<void>;
  /** As a crash does. */
  readonly kill: () => Promise<void>;
}

const library = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

/** Lets a process of its own run the source. */
const TSX = import.meta.resolve('tsx');

/** Says in one line what became of the attempt, and lets the lock go at the end of its input. */
const SCRIPT = `
import { openDatabaseStore } from ${library('store/database/open.ts')};
import { createRedactor } from ${library('redaction.ts')};
const { settings, name, who, milliseconds } = JSON.parse(process.argv[1]);
const signal = new AbortController().signal;
const say = (what) => process.stdout.write(JSON.stringify(what) + '\\n');
let store;
try {
  store = await openDatabaseStore(settings, { access: 'write', redactor: createRedactor(), signal });
  const lock = await store.lock(name, { who, since: store.now }, { milliseconds, signal });
  say({ held: true, at: Date.now() });
  for await (const _ of process.stdin);
  await lock.release();
} catch ({ code, exitCode, message }) {
  say({ held: false, code, exitCode, message });
}
await store?.close();
process.exit();
`;

export interface LockHolderOptions extends Pick<RunOptions, 'uid'> {
  readonly name?: string;
  readonly who?: string;
  readonly milliseconds?: number;
}

/** A process of its own that takes the lock, or says why it cannot, and holds it until it is told otherwise. */
export function startLockHolder(settings: DatabaseSettings, options: LockHolderOptions = {}): LockHolder {
  const { name = 'sweep', who = 'root@cron-1, pid 4711', milliseconds = 0, uid } = options;
  const words = JSON.stringify({ settings, name, who, milliseconds });
  const child = spawn(process.execPath, ['--import', TSX, '--input-type=module', '-e', SCRIPT, words], {
    cwd: uid === undefined ? emptyDirectory : '/',
    env: bareEnvironment,
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const ended = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    attempt: once(createInterface(child.stdout), 'line').then(
      ([line]) => JSON.parse(String(line)) as Attempt,
    ),
    release: async () => {
      child.stdin.end();
      await ended;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
