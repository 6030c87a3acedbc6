import { environmentSecrets } from './config/environment-secrets.ts';
import { createContext } from './context.ts';
import {
  CancelledError,
  ConfigError,
  FailedError,
  IncompleteError,
  SessionctlError,
  UsageError,
  type ExitCode,
} from './errors.ts';
import { labelledOnLines, onLines } from './output/on-lines.ts';
import { forTerminal, judgeTerminal, stylesFor } from './output/styles.ts';
import { safeText } from './output/safe-text.ts';
import { OutputClosedError, write } from './output/writer.ts';
import { createProgram } from './program.ts';
import { createRedactor, type Redactor } from './redaction.ts';
import { InvalidValueError, MissingSettingError, NotFoundError } from './sessions/invalid-value.ts';
import type { System } from './system.ts';
import { version } from './version.ts';

/** Runs sessionctl once. @param argv the words after `sessionctl` @returns the exit code; nothing is thrown */
export async function main(argv: readonly string[], system: System): Promise<ExitCode> {
  const redactor = createRedactor();
  for (const secret of environmentSecrets(system.env)) redactor.protect(secret);
  let changes = false;
  // Getters stay getters: a stream is created when it is first used.
  const toldOfChanges: System = Object.defineProperties({} as System, {
    ...Object.getOwnPropertyDescriptors(system),
    changing: {
      enumerable: true,
      value: () => {
        changes = true;
        system.changing();
      },
    },
  });
  const output: string[] = [];
  const run = createProgram({
    version,
    terminal: judgeTerminal(system.stdout, system.env, !optionsOf(argv).includes('--no-color')),
    writeOut: (text) => output.push(text),
    profiles: async (file) => (await import('./config/profile-names.ts')).profileNames(system, file),
    createContext: (flags) => createContext(toldOfChanges, redactor, flags),
  });
  try {
    const code = await Promise.race([run(argv), system.uncaught()]);
    if (output.length > 0) await write(system.stdout, output.join(''));
    return code;
  } catch (error) {
    if (error instanceof OutputClosedError) return 0;
    const foreseen = classify(error, system, changes);
    await report(foreseen, optionsOf(argv), system, redactor).catch(() => undefined);
    return foreseen.exitCode;
  }
}

/** Without the words after `--`, such as an id that looks like an option. */
function optionsOf(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}

/** The one place where a thrown value becomes an exit code. */
function classify(error: unknown, system: System, changes: boolean): SessionctlError {
  if (error instanceof SessionctlError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (system.signal.aborted && changes)
    return new IncompleteError(
      `stopped by ${String(system.signal.reason)} during a change (${message}); it is not known what was done by then`,
      {
        hint: 'Run the same command again to continue; `sessionctl history` shows what was recorded.',
        cause: error,
      },
    );
  if (system.signal.aborted)
    return new CancelledError(`stopped by ${String(system.signal.reason)}, nothing was changed`, {
      cause: error,
    });
  if (error instanceof InvalidValueError)
    return new UsageError(error.message, { hint: error.hint, cause: error });
  if (error instanceof MissingSettingError)
    return new ConfigError(error.message, { hint: error.hint, cause: error });
  if (error instanceof NotFoundError)
    return new FailedError(error.message, { hint: error.hint, cause: error });
  return new FailedError(`unexpected: ${message}`, {
    hint: 'This is a defect of sessionctl. Run it again with --verbose and report what it prints.',
    cause: error,
  });
}

async function report(
  error: SessionctlError,
  argv: readonly string[],
  system: System,
  redactor: Redactor,
): Promise<void> {
  // The words may be what failed to parse, so they are searched unparsed.
  const wantsJson = argv.includes('--json') || argv.some((word, at) => isJsonFormat(word, argv[at + 1]));
  const clean = (text: string) => safeText(redactor.redact(text));
  const message = error.message.split('\n').map(clean).join('\n');
  if (wantsJson) {
    const body = {
      code: error.code,
      message,
      hint: error.hint === undefined ? null : clean(error.hint),
    };
    await write(system.stderr, `${JSON.stringify({ error: body })}\n`);
  } else {
    // An operator who answered no needs no error; a signal may come from elsewhere.
    const isAnswer = error instanceof CancelledError && !system.signal.aborted;
    const terminal = judgeTerminal(system.stderr, system.env, !argv.includes('--no-color'));
    const { red, dim } = stylesFor(terminal);
    const said = isAnswer
      ? await onLines(message, terminal)
      : await labelledOnLines('error:', red, message, terminal);
    const hint = error.hint === undefined ? '' : `${dim('hint:')} ${clean(error.hint)}\n`;
    await write(system.stderr, forTerminal(`${said}\n${hint}`, terminal));
  }
  if (argv.includes('--verbose') || argv.includes('-v'))
    await write(system.stderr, `${redactor.redact(stackOf(error))}\n`);
}

function isJsonFormat(word: string, next: string | undefined): boolean {
  const isFormat = (text: string | undefined) => text === 'json' || text === 'jsonl';
  if (word === '-o' || word === '--output') return isFormat(next);
  return isFormat(/^(?:-o|--output=)(.*)$/.exec(word)?.[1]);
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}
