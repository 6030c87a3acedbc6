import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';
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

/** Waits until a signal would be heard, which on a busy machine may be seconds after the start: before, it kills. */
export async function untilItHears({ pid }: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (process.platform !== 'linux') return;
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  await until(`${signal} is heard`, () => {
    const [, caught = '0'] =
      /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8')) ?? [];
    return Promise.resolve((BigInt(`0x${caught}`) & bit) !== 0n);
  });
}
