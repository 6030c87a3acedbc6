import type { GlobalFlags } from '../flags.ts';
import type { LoadedConfig } from '../config/load.ts';
import { createContext, type Context } from '../context.ts';
import { ConfigError, type ExitCode } from '../errors.ts';
import { counted } from '../output/counted.ts';
import { jsonLine } from '../output/json-text.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { everySession } from '../sessions/selection.ts';
import type { Target } from '../sessions/reading-store.ts';

/** Milliseconds for the database to answer. */
const PATIENCE = 2000;

/** What is known of the deployment that a command would use. */
interface Standing {
  /** Null where nothing is configured, or the configuration cannot be used. */
  readonly target: Target | null;
  /** The setting that named the database; null where none did. */
  readonly origin: string | null;
  /** Null where no database was asked. */
  readonly reachable: boolean | null;
  /** Null where they were not counted. */
  readonly activeSessions: number | null;
  /** Why it was not reached or asked, or cannot be used; null where it answers. */
  readonly problem: string | null;
}

type Step = readonly [command: string, purpose: string];

const FIRST_STEPS: readonly Step[] = [
  ['sessionctl config init', 'connect your own deployment'],
  ['sessionctl demo', 'create a database with made-up sessions to try all commands'],
  ['sessionctl --help', 'all commands and options'],
];
const NEXT_STEPS: readonly Step[] = [
  ['sessionctl list', 'who is signed in, from where and on which device'],
  ['sessionctl stats', 'how many sessions there are, and of which users'],
  ['sessionctl doctor', 'check the deployment and suggest fixes'],
  ['sessionctl --help', 'all commands and options'],
];
const MENDING_STEPS: readonly Step[] = [
  ['sessionctl config check', 'every problem of the configuration'],
  ['sessionctl config show', 'settings in effect, and where they come from'],
  ['sessionctl --help', 'all commands and options'],
];

/**
 * `sessionctl` alone: which deployment it uses, and what to do next. It never fails because of what it finds.
 * @throws UsageError for options that mean nothing here
 */
export async function welcome(context: Context, flags: GlobalFlags): Promise<ExitCode> {
  const format = chooseFormat(flags, reportFormats);
  const { rejectEmpty } = await import('../config/load.ts');
  rejectEmpty(flags);
  const standing = await standingOf(context, flags);
  const steps = stepsFor(standing);
  if (format === 'json') {
    const next = steps.map(([command]) => command);
    await context.print(jsonLine({ ...standing, next }, 2));
  } else {
    await context.print(await welcomeText(context, standing, steps));
  }
  return 0;
}

async function standingOf(context: Context, flags: GlobalFlags): Promise<Standing> {
  const nothing = { target: null, origin: null, reachable: null, activeSessions: null };
  const command = await urlCommandOf(context, flags);
  if (command !== null) {
    const problem = 'a command prints its URL, and is not run for this; sessionctl doctor connects';
    return { ...nothing, origin: command, problem };
  }
  try {
    const { loadConfig } = await import('../config/load.ts');
    const loaded = await loadConfig(context.system, flags, context.redactor);
    for (const warning of loaded.warnings) await context.warn(warning);
    return await asked(context, flags, loaded);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const isConfigured = await isAnythingConfigured(context, flags);
    return { ...nothing, problem: isConfigured ? context.redactor.redact(error.message) : null };
  }
}

/** The place of the `url_command` that would be run: it may ask for a password or a fingerprint. */
async function urlCommandOf({ system }: Context, flags: GlobalFlags): Promise<string | null> {
  const { chooseDatabase } = await import('../config/choose-database.ts');
  const { findConfigFile } = await import('../config/config-file.ts');
  const { environmentOf } = await import('../config/environment.ts');
  const { understand } = await import('../config/load.ts');
  const env = environmentOf(system.env);
  try {
    const { path } = await findConfigFile(system, flags.config);
    if (path === null) return null;
    const document = await understand(path, env);
    const choice = chooseDatabase(flags, env, document.preferred);
    if (choice.kind !== 'profile') return null;
    const { name } = choice.profile;
    const key = ['profiles', name, 'url_command'];
    const isCommand = document.file?.profiles.get(name)?.url_command !== undefined;
    return isCommand ? `${path}:${String(document.lineOf(key))}` : null;
  } catch (error) {
    // A command that loads the configuration reports it.
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

async function isAnythingConfigured({ system }: Context, flags: GlobalFlags): Promise<boolean> {
  const { findConfigFile } = await import('../config/config-file.ts');
  const { environmentOf } = await import('../config/environment.ts');
  const env = environmentOf(system.env);
  const said = [flags.url, flags.profile, flags.config].some((flag) => flag !== undefined);
  const names = ['SESSIONCTL_CONFIG', 'SESSIONCTL_PROFILE', 'SESSIONCTL_DATABASE_URL', 'DATABASE_URL'];
  if (said || names.some((name) => env(name) !== undefined)) return true;
  return (await findConfigFile(system, undefined)).path !== null;
}

/** Checks whether the database answers within a short time. */
async function asked(context: Context, flags: GlobalFlags, loaded: LoadedConfig): Promise<Standing> {
  const { describeOrigin } = await import('../config/origin.ts');
  const { system, redactor } = context;
  const late = AbortSignal.timeout(PATIENCE);
  const hasty = createContext(
    { ...system, signal: AbortSignal.any([system.signal, late]) },
    redactor,
    flags,
    loaded.settings,
  );
  const url = loaded.entries.find(({ key }) => key === 'url');
  const origin = url === undefined ? null : describeOrigin(url.origin);
  let target: Target | null = null;
  try {
    target = await hasty.target();
    return await hasty.withStore('read', async (store) => {
      const known = { target: store.target, origin, reachable: true, problem: null };
      return { ...known, activeSessions: await store.count({ ...everySession, state: 'active' }) };
    });
  } catch (error) {
    if (system.signal.aborted) throw error;
    const isLate = late.aborted;
    const message = error instanceof Error ? error.message : String(error);
    const problem = isLate ? `no answer within ${String(PATIENCE / 1000)} s` : redactor.redact(message);
    return { target, origin, reachable: false, activeSessions: null, problem };
  }
}

function stepsFor({ target, origin, problem }: Standing): readonly Step[] {
  if (target !== null || origin !== null) return NEXT_STEPS;
  return problem === null ? FIRST_STEPS : MENDING_STEPS;
}

async function welcomeText(context: Context, standing: Standing, steps: readonly Step[]): Promise<string> {
  const { terminalText: sure } = await import('../output/fit-text.ts');
  const { labelledLines } = await import('../output/labelled-lines.ts');
  const { terminal, styles } = context.stdout;
  const { target, origin, reachable, activeSessions, problem } = standing;
  const state =
    activeSessions === null
      ? `no: ${sure(problem ?? '')}`
      : `yes, ${counted(activeSessions, 'active session')}`;
  const lines =
    target === null
      ? [
          {
            label: 'database',
            value:
              problem === null
                ? 'none is configured'
                : origin === null
                  ? 'the configuration cannot be used'
                  : 'not asked',
          },
          ...(origin === null ? [] : [{ label: 'named by', value: sure(origin) }]),
          ...(problem === null
            ? []
            : problem
                .split('\n')
                .map((line, at) => ({ label: at === 0 ? 'because' : '', value: sure(line) }))),
        ]
      : [
          ...(target.profile === null ? [] : [{ label: 'profile', value: sure(target.profile) }]),
          { label: 'database', value: sure(`${target.dialect} ${target.database}`), style: styles.bold },
          ...(target.redis === null ? [] : [{ label: 'Redis', value: sure(target.redis) }]),
          { label: 'named by', value: sure(origin ?? '') },
          { label: 'answers', value: state, style: reachable === true ? styles.green : styles.yellow },
        ];
  const width = Math.max(...steps.map(([command]) => command.length));
  const next = steps.map(([command, purpose]) => ({ label: `  ${command.padEnd(width)}`, value: purpose }));
  const plain = { ...styles, dim: (text: string) => text };
  return `${labelledLines(lines, terminal, styles)}\nnext\n${labelledLines(next, terminal, plain)}`;
}
