import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import {
  bareEnvironment,
  binaryPath,
  emptyDirectory,
  type RunOptions,
  type RunResult,
} from './run-sessionctl.ts';

export interface StartOptions extends Omit<RunOptions, 'input'> {
  /** A program, with its arguments, that becomes sessionctl after it has changed something around it. */
  readonly through?: readonly string[];
}

/** A run of the real binary that a test interferes with. */
export interface RunningSessionctl {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** With the code null where a signal killed it. */
  readonly ended: Promise<RunResult>;
  /** False from its end on. */
  readonly isRunning: () => boolean;
}

/** Starts the real binary, for tests that do something to it meanwhile. */
export function startSessionctl(args: readonly string[], options: StartOptions = {}): RunningSessionctl {
  const [program = '', ...words] = [...(options.through ?? []), process.execPath, binaryPath, ...args];
  const child = spawn(program, words, {
    cwd: options.cwd ?? emptyDirectory,
    env: { ...bareEnvironment, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text: string) => {
      output[name] += text;
    });
  }
  // A test that failed or took too long leaves nobody behind at work.
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let running = true;
  const ended = new Promise<RunResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => {
      running = false;
    });
    child.on('close', (code) => {
      resolve({ code, ...output });
    });
  });
  return { child, ended, isRunning: () => running };
}
