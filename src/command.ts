import type { GlobalFlags } from './flags.ts';
import { Option, type Command } from 'commander';
import type { Context } from './context.ts';
import { UsageError, type ExitCode } from './errors.ts';

/** The headings under which `sessionctl --help` lists commands, in this order. */
export const commandGroups = ['Look', 'End sessions', 'Keep clean', 'Make', 'Set up'] as const;
export type CommandGroup = (typeof commandGroups)[number];

/** What completion offers in a place: these words, or what is found on the machine. */
export type Offer = readonly string[] | 'file' | 'profile' | 'time zone';

/** An option whose values completion knows. */
export class OfferingOption extends Option {
  readonly offer: Offer;

  constructor(flags: string, description: string, offer: Offer) {
    super(flags, description);
    this.offer = offer;
  }
}

/** What help of all commands says of one. */
export interface CommandOutline {
  /** `['config', 'init']` is `sessionctl config init`. */
  readonly words: readonly string[];
  readonly group: CommandGroup;
  /** One line, without a full stop. */
  readonly summary: string;
}

/** What its own help says of a command beside that, its options, and what it does. */
export interface CommandDetails {
  /** What has to be known beside the summary, in whole sentences. */
  readonly notes?: string;
  /** What `--output` takes here; none where it means nothing. */
  readonly formats: readonly string[];
  /** The codes that it can end with. */
  readonly exitCodes: readonly ExitCode[];
  /** What some of them mean here, where that is more than they mean anywhere. */
  readonly exitMeanings?: Readonly<Partial<Record<ExitCode, string>>>;
  /** Lines that work when pasted, on the made-up data of `sessionctl demo`, each with what it does. */
  readonly examples: readonly (readonly [command: string, purpose: string])[];
  /** What completion offers as its arguments. */
  readonly operands?: Offer;
  /** Adds arguments and options. Runs for help and completion, too, so it loads nothing. */
  readonly configure: (command: Command) => Command;
  /** The work. What is costly to load is imported in here. */
  readonly run: (context: Context, flags: unknown, args: readonly string[]) => Promise<ExitCode>;
}

/** One command of the tree. */
export interface CommandDefinition extends CommandOutline, CommandDetails {}

/** Ties the type of the flags that `configure` declares to the `run` that reads them. */
export function defineCommand<Flags>(
  details: Omit<CommandDetails, 'run'> & {
    readonly run: (
      context: Context,
      flags: Flags & GlobalFlags,
      args: readonly string[],
    ) => Promise<ExitCode>;
  },
): CommandDetails {
  return {
    ...details,
    run: (context, flags, args) => details.run(context, flags as Flags & GlobalFlags, args),
  };
}

/** For an option that may be repeated: each value widens. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/**
 * For an option that means one thing: given twice, it would be guessing which one is meant.
 * @param flags as the option is declared, or its name alone
 */
export function once(flags: string): (value: string, before: string | undefined) => string {
  return (value, before) => {
    if (before !== undefined) {
      throw new UsageError(`${flags.split(' ')[0] ?? ''} was given twice`, {
        hint: 'It means one thing: leave one of them out.',
      });
    }
    return value;
  };
}
