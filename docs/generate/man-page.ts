import { exitCodeLines } from '../../src/help/exit-codes.ts';
import { topicNames, topicSummaries } from '../../src/help/topic-names.ts';
import { topics, type TopicBlock } from '../../src/help/topics.ts';
import { describeProgram, type DescribedCommand, type OptionGroup } from './described.ts';

/** When what the page says was last looked over as a whole. */
const REVISED = '2026-11-27';

/** man/sessionctl.1: the same as the reference, for man(1). */
export async function manPage(): Promise<string> {
  const { summary, globals, commands } = await describeProgram();
  return [
    String.raw`.\" Written by "npm run reference" from what "sessionctl --help" says.`,
    `.TH SESSIONCTL 1 ${REVISED} sessionctl "sessionctl manual"`,
    '.SH NAME',
    String.raw`sessionctl \- see who is signed in to a Better Auth deployment, and end sessions`,
    '.SH SYNOPSIS',
    String.raw`.B sessionctl`,
    String.raw`.I command`,
    String.raw`.RI [ options ]`,
    '.SH DESCRIPTION',
    text(summary),
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SH GLOBAL OPTIONS',
    'Every command takes them, before its words or behind them.',
    ...globals.flatMap(groupLines),
    ...topicNames.flatMap((name) => [
      `.SH ${name.replace('-', ' ').toUpperCase()}`,
      `${text(`sessionctl help ${name}: ${topicSummaries[name]}`)}.`,
      ...topics[name].flatMap(blockLines),
    ]),
  ]
    .join('\n')
    .concat('\n');
}

function commandLines({ words, definition, operands, groups }: DescribedCommand): readonly string[] {
  const { summary, notes, formats, examples, exitCodes, exitMeanings } = definition;
  const formatWords = formats.length === 0 ? [] : ['.PP', text(`--output: ${formats.join(', ')}.`)];
  return [
    `.SS ${text(`sessionctl ${words}`)}`,
    `${text(summary)}.`,
    ...(notes === undefined ? [] : ['.PP', text(notes)]),
    ...operands.flatMap(item),
    ...groups.flatMap(groupLines),
    ...formatWords,
    '.PP',
    'Examples:',
    '.PP',
    '.EX',
    ...examples.flatMap(([line, purpose], at) => [
      ...(at === 0 ? [] : ['']),
      text(`# ${purpose}`),
      text(line),
    ]),
    '.EE',
    '.PP',
    'Exit codes:',
    ...exitCodeLines(exitCodes, exitMeanings).flatMap(item),
  ];
}

function groupLines({ heading, options }: OptionGroup): readonly string[] {
  return [
    '.PP',
    `${text(heading)}:`,
    ...options.flatMap(({ flags, description }) => item([flags, description])),
  ];
}

function blockLines(block: TopicBlock): readonly string[] {
  return typeof block === 'string' ? ['.PP', text(block)] : block.flatMap(item);
}

function item([term, description]: readonly [string, string]): readonly string[] {
  return ['.TP', `.B ${text(term).replaceAll('"', String.raw`\(dq`)}`, text(description)];
}

/** Text that roff shows as it is: hyphens to be copied, no requests, no escapes. */
function text(plain: string): string {
  return plain
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll('`', '')
    .replaceAll('…', '...')
    .replaceAll('’', String.raw`\(cq`)
    .replace(/^[.']/, String.raw`\&$&`);
}
