import { commandGroups } from '../../src/command.ts';
import { exitCodeLines } from '../../src/help/exit-codes.ts';
import { topicNames, topicSummaries } from '../../src/help/topic-names.ts';
import { topics } from '../../src/help/topics.ts';
import { describeProgram, type DescribedCommand, type OptionGroup } from './described.ts';

/** docs/reference.md: what `--help` and the topics say, to be read and linked. */
export async function reference(): Promise<string> {
  const { globals, commands } = await describeProgram();
  const ordered = commandGroups.map((group) => ({
    group,
    commands: commands.filter(({ definition }) => definition.group === group),
  }));
  return [
    '# Reference',
    'Written by `npm run reference` from what `sessionctl --help` and `sessionctl help <topic>` say. Change it there.',
    ordered
      .map(
        ({ group, commands: within }) => `- ${group}: ${within.map(({ words }) => linkTo(words)).join(', ')}`,
      )
      .concat(
        `- Topics: ${topicNames.map((name) => `[${name}](#${name})`).join(', ')}`,
        '- [Global options](#global-options)',
      )
      .join('\n'),
    ...ordered.flatMap(({ commands: within }) => within.flatMap(sectionOf)),
    '## Global options',
    'Every command takes them, before its words or behind them.',
    ...globals.flatMap(tableOf),
    ...topicNames.flatMap((name) => [
      `## ${name}`,
      `\`sessionctl help ${name}\`: ${topicSummaries[name]}.`,
      ...topics[name].map((block) => (typeof block === 'string' ? prose(block) : table(['', ''], block))),
    ]),
  ]
    .join('\n\n')
    .concat('\n');
}

function sectionOf({ words, usage, definition, operands, groups }: DescribedCommand): readonly string[] {
  const { summary, notes, formats, examples, exitCodes, exitMeanings } = definition;
  return [
    `## sessionctl ${words}`,
    `${prose(summary)}.`,
    ...(notes === undefined ? [] : [prose(notes)]),
    fenced(usage),
    ...(operands.length === 0 ? [] : [table(['argument', ''], operands)]),
    ...groups.flatMap(tableOf),
    ...(formats.length === 0
      ? []
      : [`\`--output\`: ${formats.map((format) => `\`${format}\``).join(', ')}.`]),
    fenced(examples.map(([line, purpose]) => `# ${purpose}\n${line}`).join('\n\n')),
    table(['exit code', ''], exitCodeLines(exitCodes, exitMeanings)),
  ];
}

function tableOf({ heading, options }: OptionGroup): readonly string[] {
  return [
    table(
      [heading, ''],
      options.map(({ flags, description }) => [flags, description] as const),
    ),
  ];
}

function table(
  head: readonly [string, string],
  rows: readonly (readonly [term: string, description: string])[],
): string {
  const lines = rows.map(
    ([term, description]) => `| ${code(term)} | ${prose(description).replaceAll('|', '\\|')} |`,
  );
  return [`| ${head[0]} | ${head[1]} |`, '| --- | --- |', ...lines].join('\n');
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

/** Text in which what Markdown takes for tags or emphasis stands for itself; what is in backticks does already. */
function prose(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, at) => (at % 2 === 1 ? part : part.replace(/[<>*_$[\]{}]/g, String.raw`\$&`)))
    .join('');
}

function fenced(text: string): string {
  return `\`\`\`sh\n${text}\n\`\`\``;
}

function linkTo(words: string): string {
  return `[${words}](#sessionctl-${words.replaceAll(' ', '-')})`;
}
