import { Command, CommanderError, Option } from 'commander';
import { OfferingOption, once, type CommandDefinition, type CommandOutline } from './command.ts';
import type { GlobalFlags } from './flags.ts';
import { catalogue, loadDefinitions } from './commands/catalogue.ts';
import { shellNames } from './completion/shells.ts';
import type { Context } from './context.ts';
import type { ExitCode } from './errors.ts';
import { UsageError } from './errors.ts';
import { helpFormat, helpWidth } from './help/format-help.ts';
import { topicNames, topicSummaries } from './help/topic-names.ts';
import { listFormats } from './output/output-format.ts';
import { stylesFor, type Terminal } from './output/styles.ts';
import { hintForCommand, hintForOption } from './help/unknown-words.ts';
import { suggestion } from './sessions/nearest.ts';
import { mayBeSecret } from './sessions/shown-value.ts';
import { refuseSwallowedOption } from './swallowed-option.ts';

const groups: Readonly<Record<string, string>> = {
  config: 'Write, show and check the configuration',
  schema: 'Show and change what sessionctl adds to the database',
};

export interface ProgramSeams {
  readonly version: string;
  /** The terminal that help is written for. */
  readonly terminal: Terminal;
  readonly writeOut: (text: string) => void;
  readonly createContext: (flags: GlobalFlags) => Context;
  /** The profiles of the configuration in use, for completion. */
  readonly profiles: (file: string | undefined) => Promise<readonly string[]>;
}

/**
 * Parses the words after `sessionctl` and runs the command that they name.
 * @throws UsageError for words that do not parse
 */
export function createProgram(seams: ProgramSeams): (argv: readonly string[]) => Promise<ExitCode> {
  return async (argv) => {
    const [first, second, separator, ...words] = argv;
    const shell = shellNames.find((name) => name === second);
    if (first === 'completion' && shell !== undefined && separator === '--') {
      const { answer } = await import('./completion/answer.ts');
      const tree = commandTree(seams, await loadDefinitions());
      const known = { ...tree, topics: topicSummaries, profiles: seams.profiles };
      seams.writeOut(await answer(shell, words, known));
      return 0;
    }
    let exitCode: ExitCode = 0;
    const { program } = commandTree(seams, await definitionsIn(argv), (code) => {
      exitCode = code;
    });
    refuseSwallowedOption(argv, program);
    try {
      await program.parseAsync([...argv], { from: 'user' });
      return exitCode;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode === 0) return 0;
      throw misspeltCommand(program, error) ?? usageError(program, error);
    }
  };
}

/**
 * All commands, loaded fully only where the words may name them: loading all others would take a third of the time of
 * help.
 */
async function definitionsIn(
  argv: readonly string[],
): Promise<readonly (CommandDefinition | CommandOutline)[]> {
  const isNamed = ({ words }: CommandOutline) => words.every((word) => argv.includes(word));
  const named = await loadDefinitions(catalogue.filter(isNamed));
  return catalogue.map((entry) => named.find(({ words }) => words === entry.words) ?? entry);
}

export interface CommandTree {
  readonly program: Command;
  /** What is known of a command besides its options, or undefined for a group and for `help`. */
  readonly definitionOf: (command: Command) => CommandDefinition | undefined;
}

/**
 * The whole command tree, as it parses and as help describes it.
 * @param definitions outlines among them cannot be run
 * @param ended gets how the command ended
 */
export function commandTree(
  seams: ProgramSeams,
  definitions: readonly (CommandDefinition | CommandOutline)[],
  ended: (code: ExitCode) => void = () => undefined,
): CommandTree {
  const { terminal, writeOut } = seams;
  const styles = stylesFor(terminal);
  const known = new Map<Command, CommandDefinition>();
  const definitionOf = (command: Command) => known.get(command);
  const program = new Command('sessionctl')
    .usage('<command> [options]')
    .description(
      'Shows who is signed in to a Better Auth deployment, from where and on which device, and ends their sessions.',
    )
    .optionsGroup('Other options')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ formatHelp: helpFormat(definitionOf, styles) })
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut,
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => helpWidth(terminal),
      getOutHasColors: () => terminal.colour,
    });
  for (const option of globalOptions()) program.addOption(option);
  program.version(seams.version, '-V, --version', 'print the version');
  // A word that is not a command is answered with the nearest one, where commander would count arguments.
  program.allowExcessArguments(true).action(async () => {
    if (program.args.length > 0) throw unknownCommand(program, program.args);
    const flags = program.opts<GlobalFlags>();
    const { welcome } = await import('./commands/welcome.ts');
    ended(await welcome(seams.createContext(flags), flags));
  });

  for (const definition of definitions) {
    const parent = definition.words
      .slice(0, -1)
      .reduce((under, word) => groupNamed(under, word, definition.group), program);
    const command = parent
      .command(definition.words.at(-1) ?? '')
      .description(definition.summary)
      .helpGroup(parent === program ? definition.group : 'Commands')
      .allowExcessArguments(false);
    if (!('run' in definition)) continue;
    known.set(definition.configure(command), definition);
    command.action(async () => {
      const flags: unknown = command.optsWithGlobals();
      const context = seams.createContext(flags as GlobalFlags);
      ended(await definition.run(context, flags, command.args));
    });
  }

  program
    .command('help')
    .argument('[words...]', 'a command, or one of the topics')
    .description('Show help for a command or a topic')
    .helpGroup('Set up')
    .action(async (words: readonly string[]) => {
      const topic = topicNames.find((name) => words.length === 1 && name === words[0]);
      if (topic === undefined) commandNamed(program, words).help();
      else {
        const { topicText } = await import('./help/topics.ts');
        writeOut(topicText(topic, helpWidth(terminal), styles));
      }
    });
  return { program, definitionOf };
}

function globalOptions(): readonly Option[] {
  const database = [
    new OfferingOption('--profile <name>', 'profile of the configuration to use', 'profile').argParser(
      once('--profile'),
    ),
    new OfferingOption('--config <file>', 'use only this configuration file', 'file').argParser(
      once('--config'),
    ),
    new Option(
      '--url <url>',
      'auth database: postgres://, mysql://, mariadb://, sqlite:<path> or a path',
    ).argParser(once('--url')),
    new OfferingOption(
      '--time-zone <zone>',
      'time zone of the application that writes, for columns without one',
      'time zone',
    ).argParser(once('--time-zone')),
  ];
  const output = [
    new OfferingOption(
      '-o, --output <format>',
      'table (default) or json; list also has jsonl, csv, ids and count, history jsonl and csv',
      listFormats,
    ).argParser(once('--output')),
    new Option('--json', 'short for --output json'),
    new Option('--no-color', 'no colour (NO_COLOR does the same)'),
    new Option('-q, --quiet', 'no notes on stderr, only warnings and errors'),
    new Option('-v, --verbose', 'show the stack of an error'),
  ];
  return [
    ...database.map((option) => option.helpGroup('Which database')),
    ...output.map((option) => option.helpGroup('Output')),
    new Option('--no-input', 'never ask'),
  ];
}

function groupNamed(parent: Command, word: string, heading: string): Command {
  const existing = parent.commands.find((command) => command.name() === word);
  if (existing !== undefined) return existing;
  const group = parent
    .command(word)
    .description(groups[word] ?? '')
    .helpGroup(heading);
  return group.action(() => {
    if (group.args.length > 0) throw unknownCommand(group, [word, ...group.args]);
    group.help();
  });
}

/** @throws UsageError where the words name neither a command nor, as the only words, a topic */
function commandNamed(program: Command, words: readonly string[]): Command {
  return words.reduce((parent, word) => {
    const command = parent.commands.find((each) => each.name() === word);
    if (command !== undefined) return command;
    if (parent !== program || words.length > 1) throw unknownCommand(parent, words);
    throw new UsageError(`there is no command or topic${mayBeSecret(word) ? NOT_SHOWN : ` '${word}'`}`, {
      hint: suggestion(word, [...program.commands.map((each) => each.name()), ...topicNames]),
    });
  }, program);
}

function unknownCommand(group: Command, words: readonly string[]): UsageError {
  const known = group.commands.map((command) => command.name());
  const depth = group.parent === null ? 1 : 2;
  const typed = words.slice(0, depth).join(' ');
  return new UsageError(`unknown command${mayBeSecret(typed) ? NOT_SHOWN : ` '${typed}'`}`, {
    hint: (depth === 1 ? hintForCommand(typed) : undefined) ?? suggestion(words[depth - 1] ?? '', known),
  });
}

const NOT_SHOWN = ', not shown here, since it may be a secret';

/** An option that commander reports as unknown may belong to a misspelt command, whose options are not known. */
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

/** commander's complaint in the form of every other error: no `error:` in front, the suggestion as the hint. */
function usageError(program: Command, error: CommanderError): UsageError {
  // The value of an unknown option may be anything, even a secret.
  const [first = '', ...rest] = error.message
    .replace(/^error: /, '')
    .replace(/^(unknown option '[^=\n]*)=.*'/s, "$1=…'")
    .replace(/^(unknown option) '(.*)'/, (text, what: string, option: string) =>
      mayBeSecret(option) ? what + NOT_SHOWN : text,
    )
    .replace(/[A-Za-z0-9]{32,}/g, '…')
    .split('\n');
  const suggestion = rest
    .join(' ')
    .trim()
    .replace(/^\((.*)\)$/, '$1');
  const [, option = ''] = /^unknown option '([^'=]*)/.exec(first) ?? [];
  const known = option === '' ? undefined : hintForOption(commandTyped(program), option);
  if (known !== undefined) return new UsageError(first, { hint: known });
  const hint =
    argumentHint(program, error) ??
    (suggestion === '' ? '`sessionctl --help` lists commands and options.' : suggestion);
  const isOption = ['commander.unknownOption', 'commander.missingArgument'].includes(error.code);
  const dashes = isOption ? dashHint(program) : null;
  return new UsageError(first, { hint: dashes === null ? hint : `${hint} ${dashes}` });
}

/** The command that was typed, if it is one of a single word. */
function commandTyped(program: Command): Command | undefined {
  return program.commands.find((each) => each.name() === program.args[0]);
}

/** For a command that takes ids: nanoid makes ids that may begin with a dash. */
function dashHint(program: Command): string | null {
  const command = commandTyped(program);
  const takesIds = command?.registeredArguments.some((argument) => /^ids?$/.test(argument.name()));
  if (command === undefined || takesIds !== true) return null;
  return `Put an id that begins with - after -- and after all options: sessionctl ${command.name()} -- <id>`;
}

/** A hint for an argument that does not exist or is missing. */
function argumentHint(program: Command, { code, message }: CommanderError): string | undefined {
  const name = /'([^']*)'/.exec(message)?.[1];
  if (code === 'commander.missingArgument') {
    if (name === 'id') return '`sessionctl list` shows ids.';
    return name === 'shell' ? `Use one of ${shellNames.join(', ')}.` : undefined;
  }
  if (code !== 'commander.excessArguments') return undefined;
  const command = program.commands.find((each) => each.name() === name);
  if (command?.options.some(({ long }) => long === '--user') === true)
    return 'Select with options such as --user <id or e-mail> and --ip <address>; see `sessionctl help selection`.';
  return name === 'verify'
    ? 'The token or cookie is read from stdin, and not from the command line.'
    : undefined;
}
