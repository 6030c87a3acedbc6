import type { Command, Option } from 'commander';
import type { CommandDefinition } from '../../src/command.ts';
import { loadDefinitions } from '../../src/commands/catalogue.ts';
import { commandTree } from '../../src/program.ts';

/** Options under the heading under which help shows them. */
export interface OptionGroup {
  readonly heading: string;
  readonly options: readonly Option[];
}

/** A command as its help describes it. */
export interface DescribedCommand {
  readonly words: string;
  readonly usage: string;
  readonly definition: CommandDefinition;
  readonly operands: readonly (readonly [name: string, description: string])[];
  readonly groups: readonly OptionGroup[];
}

/** The whole program as its help describes it, in the order of its headings. */
export async function describeProgram(): Promise<{
  readonly summary: string;
  readonly globals: readonly OptionGroup[];
  readonly commands: readonly DescribedCommand[];
}> {
  const { program, definitionOf } = commandTree(
    {
      version: '',
      terminal: { interactive: false, colour: false, width: Number.POSITIVE_INFINITY },
      writeOut: () => undefined,
      profiles: () => Promise.resolve([]),
      createContext: () => {
        throw new Error('nothing is run');
      },
    },
    await loadDefinitions(),
  );
  const described = (command: Command, before: string): readonly DescribedCommand[] => {
    const words = `${before} ${command.name()}`.trim();
    const definition = definitionOf(command);
    const within = command.commands.flatMap((each) => described(each, words));
    if (definition === undefined) return within;
    const helper = command.createHelp();
    const operands = command.registeredArguments.map(
      (argument) => [helper.argumentTerm(argument), argument.description] as const,
    );
    return [{ words, usage: helper.commandUsage(command), definition, operands, groups: groupsOf(command) }];
  };
  return {
    summary: program.description(),
    globals: groupsOf(program),
    commands: program.commands.flatMap((command) => described(command, '')),
  };
}

function groupsOf(command: Command): readonly OptionGroup[] {
  const options = command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help' || command.parent === null);
  const headings = [...new Set(options.map(({ helpGroupHeading }) => helpGroupHeading ?? ''))];
  return headings.map((heading) => ({
    heading,
    options: options.filter(({ helpGroupHeading }) => (helpGroupHeading ?? '') === heading),
  }));
}
