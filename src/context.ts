import { UsageError } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import type { DatabaseSettings, Settings } from './config/settings.ts';
import type { History } from './history/history-file.ts';
import type { Redactor } from './redaction.ts';
import { formatDuration } from './sessions/duration.ts';
import { millisecondsOf } from './sessions/instant.ts';
import type { SchemaStore } from './sessions/schema-store.ts';
import type { Target } from './sessions/reading-store.ts';
import type { DatabaseStore } from './store/database/open.ts';
import type { ExaminedSettings, OpenedExamination } from './store/open-examination.ts';
import type { DeploymentStore } from './store/deployment-store.ts';
import type { System } from './system.ts';
import { labelledOnLines, onLines } from './output/on-lines.ts';
import type { Prompter } from './output/prompter.ts';
import { forTerminal, judgeTerminal, stylesFor, type Styles, type Terminal } from './output/styles.ts';
import { safeText } from './output/safe-text.ts';
import { write } from './output/writer.ts';

export type StoreAccess = 'read' | 'write';

/** What a command may use. Costly things are functions: a command pays only for what it calls. */
export interface Context {
  readonly system: System;
  readonly redactor: Redactor;
  readonly flags: GlobalFlags;
  readonly stdout: { readonly terminal: Terminal; readonly styles: Styles };
  readonly stderr: { readonly terminal: Terminal; readonly styles: Styles };
  /** Milliseconds since 1970 by the local clock, read once a command. */
  readonly now: number;
  /** A prompt may appear: stdin and stderr are terminals and `--no-input` was not given. */
  readonly mayPrompt: boolean;
  /** The result, to stdout. */
  print(text: string | Uint8Array): Promise<void>;
  /** Text for the person as it is, to stderr, also under `--quiet`: what has to be seen before a question. */
  show(text: string): Promise<void>;
  /** A line for the person, to stderr; silent under `--quiet`. */
  note(text: string): Promise<void>;
  /** A warning, to stderr, also under `--quiet`. */
  warn(text: string): Promise<void>;
  /** @throws UsageError where no prompt may appear */
  prompter(): Promise<Prompter>;
  /** The checked configuration, read once. Prints its warnings. @throws ConfigError */
  settings(): Promise<Settings>;
  /** Which database the settings name, without connecting to it. @throws ConfigError, UsageError */
  target(): Promise<Target>;
  /** The operator's history. Warns, once, where it is in another place than the environment says. @throws FailedError where there is no place for one */
  history(): Promise<History>;
  /**
   * Opens the store that the settings name, hands it to `use` and closes it in every case.
   * @param signal gives up what is under way; by default the run's own
   * @throws ConfigError, ConnectionError, SchemaError
   */
  withStore<Result>(
    access: StoreAccess,
    use: (store: DeploymentStore) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result>;
  /** Opens a database that the settings need not name; also says what was recognised of its schema. */
  withDatabase<Result>(
    database: DatabaseSettings,
    access: StoreAccess,
    use: (store: DatabaseStore) => Promise<Result>,
  ): Promise<Result>;
  /**
   * Opens the schema of the database that the settings name, which may be empty or, to write, still to be made.
   * @throws ConfigError, ConnectionError, SchemaError
   */
  withSchema<Result>(access: StoreAccess, use: (schema: SchemaStore) => Promise<Result>): Promise<Result>;
  /** Opens every part of a deployment by itself, to look only. What cannot be opened is said in its place. */
  withExamination<Result>(
    settings: ExaminedSettings,
    use: (examination: OpenedExamination) => Promise<Result>,
  ): Promise<Result>;
}

/** @param loaded settings that have been read already, and their warnings told */
export function createContext(
  system: System,
  redactor: Redactor,
  flags: GlobalFlags,
  loaded?: Settings,
): Context {
  const stdoutTerminal = judgeTerminal(system.stdout, system.env, flags.color);
  const stderrTerminal = judgeTerminal(system.stderr, system.env, flags.color);
  const stderrStyles = stylesFor(stderrTerminal);
  const mayPrompt = flags.input && system.stderr.isTTY === true && system.stdin.isTTY === true;
  let settings = loaded === undefined ? undefined : Promise.resolve(loaded);
  let comparedClocks = false;
  let warnedOfTls = false;
  let history: Promise<History> | undefined;

  /** Where stderr cannot be written, the work continues: it is not the result. */
  const tell = (text: string) =>
    write(system.stderr, forTerminal(text, stderrTerminal)).catch(() => undefined);

  const clean = (text: string) => safeText(redactor.redact(text));
  const warn = async (text: string) => {
    await tell(`${await labelledOnLines('warning:', stderrStyles.yellow, clean(text), stderrTerminal)}\n`);
  };

  const context: Context = {
    system,
    redactor,
    flags,
    stdout: { terminal: stdoutTerminal, styles: stylesFor(stdoutTerminal) },
    stderr: { terminal: stderrTerminal, styles: stderrStyles },
    now: system.now(),
    mayPrompt,
    print: (text) =>
      write(system.stdout, typeof text === 'string' ? forTerminal(text, stdoutTerminal) : text),
    show: tell,
    note: async (text) => {
      if (flags.quiet !== true) await tell(`${await onLines(clean(text), stderrTerminal)}\n`);
    },
    warn,
    prompter: async () => {
      if (!mayPrompt) throw new UsageError('this needs an answer, and there is no terminal to ask on');
      if (system.env['TERM'] === 'dumb') {
        const { createPlainPrompter } = await import('./output/plain-prompter.ts');
        return createPlainPrompter(system);
      }
      const { createPrompter } = await import('./output/prompter.ts');
      return createPrompter(system);
    },
    settings: () => (settings ??= loadSettings()),
    target: async () => {
      const { profile, url, cwd, variables } = (await context.settings()).database;
      const { describeLocation, parseDatabaseUrl } = await import('./store/database/connect/database-url.ts');
      const location = parseDatabaseUrl(url, cwd, variables);
      return { profile, dialect: location.dialect, database: describeLocation(location), redis: null };
    },
    history: () => (history ??= openOwnHistory()),
    withStore: async (access, use, signal = system.signal) => {
      const { openStore } = await import('./store/open-store.ts');
      const loaded = await settingsToConnect();
      return bracket(() => openStore(loaded, { access, redactor, signal }), use);
    },
    withDatabase: async (database, access, use) => {
      const { openDatabaseStore } = await import('./store/database/open.ts');
      return bracket(() => openDatabaseStore(database, { access, redactor, signal: system.signal }), use);
    },
    withSchema: async (access, use) => {
      const { openSchema } = await import('./store/database/open-schema.ts');
      const { database } = await settingsToConnect();
      const schema = await openSchema(database, { access, redactor, signal: system.signal });
      try {
        return await use(schema);
      } finally {
        await schema.close();
      }
    },
    withExamination: async (examined, use) => {
      const { openExamination } = await import('./store/open-examination.ts');
      const options = { redactor, signal: system.signal };
      const examination = await openExamination(examined, options, context.now);
      try {
        return await use(examination);
      } finally {
        await examination.close();
      }
    },
  };
  return context;

  /** Opens a store, says once where its clock is far from the local one, and closes it in every case. */
  async function bracket<Store extends Pick<DeploymentStore, 'now' | 'close'>, Result>(
    open: () => Promise<Store>,
    use: (store: Store) => Promise<Result>,
  ): Promise<Result> {
    const before = system.now();
    const store = await open();
    try {
      const difference = comparedClocks
        ? null
        : clockDifference(millisecondsOf(store.now), before, system.now());
      comparedClocks = true;
      if (difference !== null) await warn(difference);
      return await use(store);
    } finally {
      await store.close();
    }
  }

  async function openOwnHistory(): Promise<History> {
    const { openHistory } = await import('./history/history-file.ts');
    const opened = openHistory(system);
    if (opened.warning !== null) await warn(opened.warning);
    return opened;
  }

  async function loadSettings(): Promise<Settings> {
    const { loadSettings: load } = await import('./config/load.ts');
    const { settings: loaded, warnings } = await load(system, flags, redactor);
    for (const warning of warnings) await warn(warning);
    return loaded;
  }

  /** The settings of a database that is about to be connected to, of which it is said once how safe the way to it is. */
  async function settingsToConnect(): Promise<Settings> {
    const loaded = await context.settings();
    if (warnedOfTls) return loaded;
    warnedOfTls = true;
    const { weakTlsWarning } = await import('./store/database/connect/weak-tls.ts');
    const weak = weakTlsWarning(loaded.database);
    if (weak !== null) await warn(weak);
    return loaded;
  }
}

const TOLERATED_DIFFERENCE = 5000;

/** What to say where the database's clock, read between two moments of the local one, is far from both. */
function clockDifference(database: number, before: number, after: number): string | null {
  const behind = Math.max(database - after, before - database);
  if (behind <= TOLERATED_DIFFERENCE) return null;
  const direction = database > after ? 'behind' : 'ahead of';
  const length = formatDuration(Math.round(behind / 1000) * 1000);
  return `this machine's clock is ${length} ${direction} the database's, which is the one that counts`;
}
