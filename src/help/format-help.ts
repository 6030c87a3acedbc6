import type { Command, Help, Option } from 'commander';
import { commandGroups, type CommandDefinition } from '../command.ts';
import type { Styles, Terminal } from '../output/styles.ts';
import { exitCodeLines } from './exit-codes.ts';
import { columnFor, rowOf, wrapWords, type Item } from './layout.ts';
import { topicSummaries } from './topic-names.ts';

/** Columns. Longer lines are hard to read, however wide the terminal is. */
const WIDEST = 100;
/** Columns where the output is not a terminal. */
const ELSEWHERE = 80;

/** How wide help is on a stream. */
export function helpWidth({ interactive, width }: Terminal): number {
  return interactive ? Math.min(width, WIDEST) : ELSEWHERE;
}

/**
 * How commander lays out help: what the command is, its options in groups, examples to paste, its exit codes.
 * @param definitionOf what is known of a command besides its options, or undefined for a group
 */
export function helpFormat(
  definitionOf: (command: Command) => CommandDefinition | undefined,
  { bold, dim }: Styles,
): (command: Command, helper: Help) => string {
  const section = (heading: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0
      ? []
      : [bold(`${heading}:`), ...lines.map((line) => (line === '' ? '' : `  ${line}`)), ''];

  return (command, helper) => {
    const width = helper.helpWidth ?? ELSEWHERE;
    const isRoot = command.parent === null;
    const definition = definitionOf(command);
    const operands = helper
      .visibleArguments(command)
      .map((argument) => [helper.argumentTerm(argument), argument.description] as const);
    const options = helper
      .visibleOptions(command)
      .filter((option) => isRoot || option.long !== '--help')
      .map((option) => ({ heading: option.helpGroupHeading ?? 'Options', item: itemOf(option) }));
    const commands = helper.visibleCommands(command).map((each) => ({
      heading: each.helpGroup(),
      item: [each.name(), describedGroup(each)] as const,
    }));
    const topics = isRoot ? Object.entries(topicSummaries) : [];
    const codes =
      definition === undefined ? [] : exitCodeLines(definition.exitCodes, definition.exitMeanings);
    const all = [...operands, ...[...options, ...commands].map(({ item }) => item), ...topics];
    const column = columnFor(all);
    const rows = (items: readonly Item[], indent = column) =>
      items.flatMap((item) => rowOf(item, indent, width - 2));
    const groups = (items: readonly Grouped[], headings: readonly string[]) =>
      headings.flatMap((heading) =>
        section(heading, rows(items.filter((each) => each.heading === heading).map(({ item }) => item))),
      );

    return [
      `${bold('Usage:')} ${helper.commandUsage(command)}`,
      '',
      ...wrapWords(command.description().split(' '), width),
      '',
      ...(definition?.notes === undefined ? [] : [...wrapWords(definition.notes.split(' '), width), '']),
      ...section('Arguments', rows(operands)),
      ...groups(commands, isRoot ? commandGroups : headingsOf(commands)),
      ...groups(options, headingsOf(options)),
      ...section('Topics, for sessionctl help <topic>', rows(topics)),
      ...(isRoot
        ? []
        : section('Global options, explained by sessionctl --help', globals(command, definition, width))),
      ...section(
        'Examples',
        (definition?.examples ?? []).flatMap(([line, purpose], at) => [
          ...(at === 0 ? [] : ['']),
          ...wrapWords(purpose.split(' '), width - 4).map((text) => dim(`# ${text}`)),
          ...shellLines(line, width - 2),
        ]),
      ),
      ...section('Exit codes', rows(codes, 5)),
      ...(isRoot ? section('Try it on made-up data', shellLines(TRY_IT, width - 2)) : []),
    ]
      .join('\n')
      .trimEnd()
      .concat('\n');
  };
}

interface Grouped {
  readonly heading: string;
  readonly item: Item;
}

const TRY_IT = 'sessionctl demo && sessionctl --url sqlite:sessionctl-demo.db list';

function itemOf({ flags, description }: Option): Item {
  return [flags, description];
}

/** What a command does; for a group, with its subcommands. */
function describedGroup(command: Command): string {
  const within = command.commands.map((each) => each.name()).join(', ');
  return command.description() + (within === '' ? '' : `: ${within}`);
}

function headingsOf(items: readonly Grouped[]): readonly string[] {
  return [...new Set(items.map(({ heading }) => heading))];
}

/** The global options in few lines; only the values of `--output` differ. */
function globals(
  { parent }: Command,
  definition: CommandDefinition | undefined,
  width: number,
): readonly string[] {
  const root = parent?.parent ?? parent;
  const formats = definition?.formats ?? [];
  const flags = (root?.options ?? [])
    .filter(({ long }) => long !== '--version')
    .map((option) =>
      option.long === '--output' && formats.length > 0
        ? option.flags.replace('<format>', `<${formats.join('|')}>`)
        : option.flags,
    );
  return wrapWords([...flags, '-h, --help'], width - 2, '  ');
}

/** A command line on several lines where it is too long for one, in the syntax of a shell. */
function shellLines(line: string, width: number): readonly string[] {
  if (line.length <= width) return [line];
  // An option stays with its value, and a redirection with its file.
  const words = line.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? [];
  const pieces = words.reduce<readonly string[]>((before, word, at) => {
    const previous = words[at - 1] ?? '';
    const belongs = /^(?:-.*|[<>|]|&&)$/.test(previous) && !/^(?:--|[<>|]|&&)/.test(word);
    return belongs ? [...before.slice(0, -1), `${before.at(-1) ?? ''} ${word}`] : [...before, word];
  }, []);
  return wrapWords(pieces, width - 4).map((text, at, lines) =>
    [at === 0 ? '' : '  ', text, at === lines.length - 1 ? '' : ' \\'].join(''),
  );
}
