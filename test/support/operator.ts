import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { inject } from 'vitest';
import type { HistoryRecord } from '../../src/history/history-record.ts';
import { main } from '../../src/main.ts';
import type { SignIn } from './app.ts';
import { fakeSystem, type FakeSystemOptions, type Outcome } from './fake-system.ts';
import {
  runSessionctl,
  writeConfig,
  type RunOptions,
  type RunResult,
  type TestProfile,
} from './run-sessionctl.ts';

/** Somebody who runs sessionctl on one database and has a history of their own. Keeps all that they are shown. */
export interface Operator {
  /** Runs it in this process. */
  readonly run: (words: readonly string[], options?: FakeSystemOptions) => Promise<Outcome>;
  /** Runs it in this process at a terminal, which waits for keys. */
  readonly sitDown: (words: readonly string[], options?: FakeSystemOptions) => Sitting;
  /** Runs the real binary. */
  readonly runBinary: (words: readonly string[], options?: RunOptions) => Promise<RunResult>;
  /** What sessionctl is given to know the database, before any command. */
  readonly where: readonly string[];
  /** What a process has to have in its environment to be this operator's. */
  readonly env: Readonly<Record<string, string>>;
  readonly history: () => readonly HistoryRecord[];
  /** Which of the texts stand in anything that was shown to the operator, or lies in their files. */
  readonly sawAny: (texts: readonly string[]) => readonly string[];
}

export interface Sitting {
  /** Waits until stderr shows it. */
  readonly shows: (text: RegExp) => Promise<void>;
  /** Waits until stdout does. */
  readonly prints: (text: RegExp) => Promise<void>;
  readonly type: (keys: string) => void;
  readonly ended: Promise<Outcome>;
}

/** @param profile what the operator's configuration says; without one they give the URL alone */
export function operatorOn(url: string, profile?: TestProfile): Operator {
  const stateDirectory = mkdtempSync(join(inject('temporaryDirectory'), 'state-'));
  const env = { XDG_STATE_HOME: stateDirectory, DATABASE_URL: url };
  const config = profile === undefined ? undefined : writeConfig(profile);
  const where = config === undefined ? ['--url', url] : ['--config', config];
  const shown: string[] = [];
  const kept = <Result extends Outcome | RunResult>(result: Result): Result => {
    shown.push(result.stdout, result.stderr);
    return result;
  };
  const start = (words: readonly string[], options: FakeSystemOptions) => {
    const fake = fakeSystem({ ...options, env: { ...env, ...options.env } });
    const ended = main([...where, ...words], fake.system).then((code) =>
      kept({ stdout: fake.stdout(), stderr: fake.stderr(), code }),
    );
    return { ...fake, ended };
  };
  return {
    run: (words, options = {}) => start(words, options).ended,
    sitDown: (words, options = {}) => {
      const { stdout, stderr, type, ended } = start(words, {
        tty: { stdin: true, stderr: true },
        ...options,
      });
      const over = ended.then(
        () => true,
        () => true,
      );
      const waitFor = async (read: () => string, text: RegExp) => {
        while (!text.test(read())) {
          const isOver = await Promise.race([over, wait(5, false)]);
          if (isOver && !text.test(read()))
            throw new Error(`it ended without showing ${String(text)}: ${stderr()}`);
        }
      };
      return {
        shows: (text) => waitFor(stderr, text),
        prints: (text) => waitFor(stdout, text),
        type,
        ended,
      };
    },
    runBinary: async (words, options = {}) =>
      kept(await runSessionctl([...where, ...words], { ...options, env: { ...env, ...options.env } })),
    where,
    env,
    history: () =>
      filesIn(stateDirectory)
        .filter((file) => file.endsWith('history.jsonl'))
        .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as HistoryRecord),
    sawAny: (texts) => {
      const files = [...filesIn(stateDirectory), ...(config === undefined ? [] : [config])];
      const all = [...shown, ...files.map((file) => readFileSync(file, 'utf8'))];
      return texts.filter((text) => all.some((one) => one.includes(text)));
    },
  };
}

/** What of a sign-in must never be seen: the token, and the signature that the cookie adds. */
export function secretsOf({ token, cookie }: SignIn): readonly string[] {
  const [, value = ''] = /session_token=([^;]+)/.exec(cookie) ?? [];
  const signature = decodeURIComponent(value).slice(token.length + 1);
  if (signature === '') throw new Error('the cookie of a sign-in is not signed');
  return [token, signature, encodeURIComponent(signature)];
}

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
