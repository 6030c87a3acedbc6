import { parse } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { main } from '../../src/main.ts';
import type { System } from '../../src/system.ts';

export interface FakeSystemOptions {
  /** Nothing of the real environment comes in but PATH, which commands in the shell need. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By default the root of the file system, where no configuration lies. */
  readonly cwd?: string;
  /** What stdin holds; without it stdin is empty and ended. */
  readonly stdin?: string | Uint8Array;
  /** Which streams are terminals, `stdin: true` leaving stdin open for keys. By default none is. */
  readonly tty?: { readonly stdin?: boolean; readonly stdout?: boolean; readonly stderr?: boolean };
  /** The size of the streams that are terminals; 80 by 24 by default. */
  readonly columns?: number;
  readonly rows?: number;
  readonly signal?: AbortSignal;
  /** The local clock, in milliseconds since 1970; by default the real one. */
  readonly now?: () => number;
  readonly operator?: { readonly user: string; readonly host: string };
  /** The reader of stdout goes away after so many characters, as `head` does: further writes fail with EPIPE. */
  readonly stdoutClosesAfter?: number;
  /** What further writes fail with then, in place of EPIPE. */
  readonly stdoutError?: 'ENOSPC';
}

/** What a run of the program left behind. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface FakeSystem {
  readonly system: System;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Types at the terminal. */
  readonly type: (keys: string) => void;
}

/** A process that is not there: its streams are memory, its environment is what the test says. */
export function fakeSystem(options: FakeSystemOptions = {}): FakeSystem {
  const { tty = {}, columns = 80, rows = 24 } = options;
  const out = capture(options.stdoutClosesAfter, options.stdoutError);
  const err = capture();
  const stdin = new PassThrough();
  if (options.stdin !== undefined) stdin.write(options.stdin);
  if (tty.stdin !== true) stdin.end();
  const path = process.env['PATH'];
  return {
    system: {
      env: { ...(path === undefined ? {} : { PATH: path }), ...options.env },
      cwd: options.cwd ?? parse(process.cwd()).root,
      stdin: Object.assign(stdin, { isTTY: tty.stdin === true, setRawMode: () => stdin }),
      stdout: Object.assign(
        out.stream,
        tty.stdout === true ? { isTTY: true, columns, rows } : { isTTY: false },
      ),
      stderr: Object.assign(
        err.stream,
        tty.stderr === true ? { isTTY: true, columns, rows } : { isTTY: false },
      ),
      signal: options.signal ?? new AbortController().signal,
      now: options.now ?? Date.now,
      pid: process.pid,
      inForeground: () => true,
      changing: () => undefined,
      uncaught: () => new Promise(() => undefined),
      operator: () => options.operator ?? { user: 'tester', host: 'testhost' },
    },
    stdout: out.text,
    stderr: err.text,
    type: (keys) => stdin.write(keys),
  };
}

/**
 * Runs the whole program in this process.
 * @param argv the words behind `sessionctl`
 */
export async function runMain(argv: readonly string[], options: FakeSystemOptions = {}): Promise<Outcome> {
  const fake = fakeSystem(options);
  const code = await main(argv, fake.system);
  return { stdout: fake.stdout(), stderr: fake.stderr(), code };
}

function capture(
  closesAfter = Number.POSITIVE_INFINITY,
  code = 'EPIPE',
): {
  readonly stream: Writable;
  readonly text: () => string;
} {
  const chunks: string[] = [];
  let length = 0;
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Uint8Array, _encoding, done) {
      if (length >= closesAfter) {
        done(Object.assign(new Error(`write ${code}`), { code }));
        return;
      }
      const text = typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
      chunks.push(text);
      length += text.length;
      done();
    },
  });
  // As bin/ does: whoever writes is told through the callback.
  stream.on('error', () => undefined);
  return { stream, text: () => chunks.join('') };
}
