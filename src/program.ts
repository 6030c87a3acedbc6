import { Command, CommanderError, Option } from 'commander';
import { once, type CommandDefinition, type GlobalFlags } from './command.ts';
import { configCheck } from './commands/config/check.ts';
import { configInit } from './commands/config/init.ts';
import { configPath } from './commands/config/path.ts';
import { configShow } from './commands/config/show.ts';
import { create } from './commands/create.ts';
import { demo } from './commands/demo.ts';
import { doctor } from './commands/doctor.ts';
import { history } from './commands/history.ts';
import { limit } from './commands/limit.ts';
import { list } from './commands/list.ts';
import { revokeAll } from './commands/revoke-all.ts';
import { revoke } from './commands/revoke.ts';
import { schemaMigrate } from './commands/schema/migrate.ts';
import { schemaRollback } from './commands/schema/rollback.ts';
import { schemaStatus } from './commands/schema/status.ts';
import { show } from './commands/show.ts';
import { stats } from './commands/stats.ts';
import { sweep } from './commands/sweep.ts';
import { verify } from './commands/verify.ts';
import type { Context } from './context.ts';
import type { ExitCode } from './errors.ts';
import { UsageError } from './errors.ts';
import { suggestion } from './sessions/nearest.ts';
import { mayBeToken } from './sessions/shown-value.ts';

/** Every command; adding one is a file and a line. */
const commands: readonly CommandDefinition[] = [
  list,
  stats,
  show,
  verify,
  create,
  revoke,
  revokeAll,
  limit,
  sweep,
  doctor,
  history,
  configInit,
  configShow,
  configPath,
  configCheck,
  schemaStatus,
  schemaMigrate,
  schemaRollback,
  demo,
];

const groups: Readonly<Record<string, string>> = {
  config: 'Create, show and check the configuration',
  schema: 'Show and change what sessionctl adds to the database',
};

export interface ProgramSeams {
  readonly version: string;
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
  readonly createContext: (flags: GlobalFlags) => Context;
}

/**
 * The whole command tree.
 * @returns a function that parses the words behind `sessionctl` and runs the command that they name
 * @throws UsageError for words that do not parse
 */
export function createProgram(seams: ProgramSeams): (argv: readonly string[]) => Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = new Command('sessionctl')
    .description(
      'Shows who is signed in to a Better Auth deployment, from where and on which device, and ends their sessions.',
    )
    .version(seams.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({ writeOut: seams.writeOut, writeErr: () => undefined, outputError: () => undefined });
  for (const option of globalOptions()) program.addOption(option);
  program.addHelpText(
    'after',
    '\nTry it on made-up data:\n  $ sessionctl demo && sessionctl --url sqlite:sessionctl-demo.db list\n',
  );
  // A word that is no command is answered with the nearest one, where commander would count arguments.
  program.allowExcessArguments(true).action(() => {
    if (program.args.length > 0) throw unknownCommand(program, program.args);
    seams.writeOut(program.helpInformation());
  });

  for (const definition of commands) {
    const parent = definition.words.slice(0, -1).reduce((under, word) => groupNamed(under, word), program);
    const command = parent.command(definition.words.at(-1) ?? '').description(definition.summary);
    command.allowExcessArguments(false);
    definition.configure(command).addHelpText('after', examplesOf(definition));
    command.action(async () => {
      const flags: unknown = command.optsWithGlobals();
      const context = seams.createContext(flags as GlobalFlags);
      exitCode = await definition.run(context, flags, command.args);
    });
  }

  program
    .command('help [words...]')
    .description('Show help of a command')
    .action((words: readonly string[]) => {
      commandNamed(program, words).help();
    });

  return async (argv) => {
    try {
      await program.parseAsync([...argv], { from: 'user' });
      return exitCode;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode === 0) return 0;
      throw misspeltCommand(program, error) ?? usageError(error);
    }
  };
}

function globalOptions(): readonly Option[] {
  return [
    new Option('--profile <name>', 'profile of the configuration to use').argParser(once('--profile')),
    new Option('--config <file>', 'this configuration file and no other').argParser(once('--config')),
    new Option(
      '--url <url>',
      'auth database: postgres://, mysql://, mariadb://, sqlite:<path> or a path',
    ).argParser(once('--url')),
    new Option('--time-zone <zone>', 'of the application that writes, for columns without a zone').argParser(
      once('--time-zone'),
    ),
    new Option('-o, --output <format>', 'table, json; jsonl, csv, ids where things are listed').argParser(
      once('--output'),
    ),
    new Option('--json', 'short for --output json'),
    new Option('--no-color', 'no colour (NO_COLOR does the same)'),
    new Option('--no-input', 'never ask'),
    new Option('-q, --quiet', 'no notes on stderr, only warnings and errors'),
    new Option('-v, --verbose', 'show the stack of an error'),
  ];
}

function groupNamed(parent: Command, word: string): Command {
  const existing = parent.commands.find((command) => command.name() === word);
  if (existing !== undefined) return existing;
  const group = parent.command(word).description(groups[word] ?? '');
  return group.action(() => {
    if (group.args.length > 0) throw unknownCommand(group, [word, ...group.args]);
    group.help();
  });
}

/** @throws UsageError where the words name no command */
function commandNamed(program: Command, words: readonly string[]): Command {
  return words.reduce((parent, word) => {
    const command = parent.commands.find((each) => each.name() === word);
    if (command === undefined) throw unknownCommand(parent, words);
    return command;
  }, program);
}

function unknownCommand(group: Command, words: readonly string[]): UsageError {
  const known = group.commands.map((command) => command.name());
  const depth = group.parent === null ? 1 : 2;
  const typed = words.slice(0, depth).join(' ');
  return new UsageError(`unknown command${mayBeToken(typed) ? NOT_SHOWN : ` '${typed}'`}`, {
    hint: suggestion(words[depth - 1] ?? '', known),
  });
}

const NOT_SHOWN = ', not shown here, since it may be a token';

/**
 * What commander reports as an option that there is not may belong to a command that was misspelt: nothing is known of
 * its options then.
 */
function misspeltCommand(program: Command, { code }: CommanderError): UsageError | null {
  if (code !== 'commander.unknownOption') return null;
  const words = program.args;
  let group = program;
  for (const word of words) {
    if (word.startsWith('-') || group.commands.length === 0) return null;
    const command = group.commands.find((each) => each.name() === word);
    if (command === undefined) return unknownCommand(group, words);
    group = command;
  }
  return null;
}

function examplesOf(definition: CommandDefinition): string {
  const lines = definition.examples.map(([command, purpose]) => `  # ${purpose}\n  $ ${command}\n`);
  return `\nExamples:\n${lines.join('\n')}`;
}

/** commander's complaint in the form of every other error: no `error:` in front, the suggestion as the hint. */
function usageError(error: CommanderError): UsageError {
  // What was given as the value of an option that there is not may be anything, a secret too.
  const [first = '', ...rest] = error.message
    .replace(/^error: /, '')
    .replace(/^(unknown option '[^=\n]*)=.*'/s, "$1=…'")
    .replace(/^(unknown option) '(.*)'/, (text, what: string, option: string) =>
      mayBeToken(option) ? what + NOT_SHOWN : text,
    )
    .replace(/[A-Za-z0-9]{32,}/g, '…')
    .split('\n');
  const suggestion = rest
    .join(' ')
    .trim()
    .replace(/^\((.*)\)$/, '$1');
  return new UsageError(first, {
    hint: suggestion === '' ? '`sessionctl --help` lists commands and options.' : suggestion,
  });
}
