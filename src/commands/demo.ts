import { jsonLine } from '../output/json-text.ts';
import { shellWord } from '../shell-word.ts';
import { lstat, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { defineCommand, once } from '../command.ts';
import type { Context } from '../context.ts';
import { FailedError, UsageError } from '../errors.ts';
import { grouped } from '../grouped.ts';
import { counted } from '../output/counted.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { InvalidValueError } from '../sessions/invalid-value.ts';
import { shownPath, shownValue } from '../sessions/shown-value.ts';

interface DemoFlags {
  readonly force?: boolean;
  readonly seed?: string;
  readonly users?: string;
  readonly sessions?: string;
}

const DEFAULT_PATH = 'sessionctl-demo.db';

export const demo = defineCommand<DemoFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 4, 130],
  examples: [
    ['sessionctl demo', `Create ./${DEFAULT_PATH} and print what to try on it`],
    ['sessionctl demo big.db --users 2000 --sessions 50000', 'Create a larger one'],
  ],
  operands: 'file',
  configure: (command) =>
    command
      .argument('[path]', 'path of the new file', DEFAULT_PATH)
      .optionsGroup('Contents')
      .option('--users <number>', 'number of users (default: 150)', once('--users'))
      .option('--sessions <number>', 'number of sessions (default: 3000)', once('--sessions'))
      .option('--seed <number>', 'seed of the made-up users and sessions (default: 1)', once('--seed'))
      .optionsGroup('Guards')
      .option('--force', 'replace an existing file, if `sessionctl demo` created it'),
  run: async (context, flags, [typedPath = DEFAULT_PATH]) => {
    const format = chooseFormat(flags, reportFormats);
    const options = {
      users: wholeNumber('--users', flags.users ?? '150', 1, 100_000),
      sessions: wholeNumber('--sessions', flags.sessions ?? '3000', 0, 5_000_000),
      seed: wholeNumber('--seed', flags.seed ?? '1', 0, 4_294_967_295),
      now: context.now,
      signal: context.system.signal,
    };
    const path = await freePath(typedPath, context, flags.force === true);
    const { makeDemoDatabase } = await import('../demo/make-demo-database.ts');
    const report = await makeDemoDatabase(path, options).catch((error: unknown) => {
      throw isSystemError(error) ? cannotWrite(path, error) : error;
    });

    const { users, sessions, activeSessions } = report;
    if (format === 'json') {
      await context.print(jsonLine({ path, users, sessions, activeSessions, seed: options.seed }));
      return 0;
    }
    const { demoCast } = await import('../demo/demo-population.ts');
    const { safeText } = await import('../output/safe-text.ts');
    const program = `sessionctl --url ${shellWord(`sqlite:${typedPath}`)}`;
    const commands: readonly (readonly [string, string])[] = [
      ['list --limit 15', 'who is signed in, newest activity first'],
      [`list --user ${demoCast.admin.email} --state all`, 'all sessions of one user, expired ones too'],
      [`list --ip ${demoCast.suspiciousNetwork}`, 'sign-ins from a suspicious network'],
      [`list --ip ${demoCast.officeAddress} --limit 10`, 'an office: many people behind one address'],
      [
        'list --impersonated --state all --sort createdAt',
        'sessions in which an administrator impersonated a user',
      ],
      ['list --expires-before 2999-01-01 --sort expiresAt:asc --limit 10', 'sessions that expire next'],
      ['list --user-agent curl -o csv', 'for a spreadsheet'],
      [`revoke-all --user ${demoCast.admin.email} --dry-run`, 'preview of ending all sessions of one user'],
      ['sweep --dry-run', 'number of expired sessions to delete'],
      ...(report.hostileSessionId === null
        ? []
        : [
            [
              `show ${report.hostileSessionId.slice(0, 12)}`,
              'a user agent that attacks terminals, shown safely',
            ] as const,
          ]),
    ];
    const { bold, dim } = context.stdout.styles;
    await context.print(
      safeText(
        `Made ${typedPath}: ${counted(users, 'user')}, ${counted(sessions, 'session')}, ${grouped(activeSessions)} of them active.`,
      ) +
        `\n\n${bold('Try:')}\n` +
        commands
          .map(([words, purpose]) => `\n  ${dim(`# ${purpose}`)}\n  ${safeText(`${program} ${words}`)}\n`)
          .join(''),
    );
    return 0;
  },
});

/** @throws InvalidValueError */
function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new InvalidValueError(
    `${option}: ${shownValue(text)} is out of range`,
    `Write a whole number from ${String(least)} to ${String(most)}.`,
  );
}

/** The absolute path, where a file may be created there. @throws UsageError */
async function freePath(typed: string, { system }: Context, force: boolean): Promise<string> {
  if (typed.trim() === '')
    throw new UsageError('the path is empty', { hint: `Omit it for ./${DEFAULT_PATH}.` });
  const path = resolve(system.cwd, typed);
  const parent = await stat(dirname(path)).catch(() => null);
  if (parent?.isDirectory() !== true) {
    throw new UsageError(`there is no directory ${shownPath(dirname(path))}`, {
      hint: 'Create it first, or give another path.',
    });
  }
  const existing = await lstat(path).catch(() => null);
  if (existing === null) return path;
  if (existing.isDirectory()) throw new UsageError(`${path} is a directory`, { hint: 'Name a file in it.' });
  if (!force)
    throw new UsageError(`${path} exists already, and was not changed`, {
      hint: 'Give another path, or replace it with --force.',
    });
  if (!existing.isFile() || !(existing.size === 0 || (await isDemoDatabase(path)))) {
    throw new UsageError(`${path} is not a demo database, and was not changed`, {
      hint: '--force replaces only a file that `sessionctl demo` created.',
    });
  }
  return path;
}

async function isDemoDatabase(path: string): Promise<boolean> {
  const { DEMO_APPLICATION_ID } = await import('../demo/make-demo-database.ts');
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return false;
  try {
    // The header of SQLite's file format: its name, and at byte 68 the application id.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(72), 0, 72, 0);
    return (
      bytesRead === 72 &&
      buffer.toString('latin1', 0, 16) === 'SQLite format 3\0' &&
      buffer.readUInt32BE(68) === DEMO_APPLICATION_ID
    );
  } finally {
    await file.close();
  }
}

/** Whether this is an error of the file system or SQLite, not a defect. */
function isSystemError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^(?:E[A-Z]+|SQLITE_[A-Z_]+)$/.test(error.code)
  );
}

function cannotWrite(path: string, error: Error): FailedError {
  return new FailedError(`cannot create ${path}: ${error.message}`, {
    hint: 'Give a path that you may write to.',
    cause: error,
  });
}
