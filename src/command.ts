import type { Command } from 'commander';
import type { Context } from './context.ts';
import { UsageError, type ExitCode } from './errors.ts';

/** The global options as commander hands them over. */
export interface GlobalFlags {
  readonly profile?: string;
  readonly config?: string;
  readonly url?: string;
  readonly timeZone?: string;
  readonly output?: string;
  readonly json?: boolean;
  /** commander's form of `--no-color`: false when it was given. */
  readonly color: boolean;
  /** commander's form of `--no-input`: false when it was given. */
  readonly input: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** One command of the tree: its words, what help says of it, its options, and what it does. */
export interface CommandDefinition {
  /** `['config', 'init']` is `sessionctl config init`. */
  readonly words: readonly string[];
  /** One line, without a full stop. */
  readonly summary: string;
  /** Lines that work when pasted, each with what it does. */
  readonly examples: readonly (readonly [command: string, purpose: string])[];
  /** Adds arguments and options. Runs whenever help is shown, so it loads nothing. */
  readonly configure: (command: Command) => Command;
  /** The work. What is costly to load is imported in here. */
  readonly run: (context: Context, flags: unknown, args: readonly string[]) => Promise<ExitCode>;
}

/** Ties the type of the flags that `configure` declares to the `run` that reads them. */
export function defineCommand<Flags>(definition: {
  readonly words: readonly string[];
  readonly summary: string;
  readonly examples: CommandDefinition['examples'];
  readonly configure: (command: Command) => Command;
  readonly run: (context: Context, flags: Flags & GlobalFlags, args: readonly string[]) => Promise<ExitCode>;
}): CommandDefinition {
  return {
    ...definition,
    run: (context, flags, args) => definition.run(context, flags as Flags & GlobalFlags, args),
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
