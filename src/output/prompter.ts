import { confirm, input, password, select } from '@inquirer/prompts';
import { CancelledError } from '../errors.ts';
import type { System } from '../system.ts';
import { safeText } from './safe-text.ts';
import { understandsUnicode } from './bars.ts';
import { askToTick, type PromptStreams, type TickChoice } from './tick-prompt.ts';
import { isNumber, numberValidation } from './typed-number.ts';

export interface Choice<Value> {
  readonly name: string;
  readonly value: Value;
  readonly description?: string;
}

interface InputOptions {
  readonly initial?: string;
  /** Returns a complaint, or true. */
  readonly validate?: (text: string) => string | true;
  /** The text that the screen shows for what is typed, where it can show another. */
  readonly shown?: (text: string) => string;
}

/**
 * Prompts to a person at a terminal. Every method throws CancelledError on Ctrl-C, and on Ctrl-D where nothing is
 * typed.
 */
export interface Prompter {
  confirm(message: string, initial: boolean): Promise<boolean>;
  input(message: string, options?: InputOptions): Promise<string>;
  password(message: string): Promise<string>;
  select<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value>;
  /** Any number of the choices, at least one, in their order. Nothing is ticked at the start. */
  tick<Value>(message: string, choices: readonly TickChoice<Value>[]): Promise<readonly Value[]>;
  /**
   * Whether the person types exactly this number, with or without separators of thousands. Nothing and `no` are false,
   * and so is any other answer after three reminders.
   */
  typeNumber(message: string, expected: number): Promise<boolean>;
}

/** For terminals that show only ASCII. */
const asciiTheme = { prefix: { idle: '?', done: '*' } } as const;
const asciiSelectTheme = {
  ...asciiTheme,
  icon: { cursor: '>' },
  style: { keysHelpTip: () => 'up and down move, enter accepts' },
} as const;

/** Prompts on stderr, so that stdout stays the result. */
export function createPrompter(system: System): Prompter {
  const unicode = understandsUnicode(system.env);
  const theme = unicode ? {} : asciiTheme;
  const cancellable = <Answer>(ask: (io: PromptStreams) => Promise<Answer>) => answered(system, ask);
  return {
    confirm: (message, initial) => cancellable((io) => confirm({ message, default: initial, theme }, io)),
    input: (message, options = {}) =>
      cancellable((io) =>
        input(
          {
            message,
            theme,
            ...(options.initial === undefined ? {} : { default: options.initial }),
            ...(options.validate === undefined ? {} : { validate: options.validate }),
            ...(options.shown === undefined ? {} : { transformer: options.shown }),
          },
          io,
        ),
      ),
    password: (message) => cancellable((io) => password({ message, mask: true, theme }, io)),
    select: (message, choices) =>
      cancellable((io) =>
        select(
          {
            message,
            choices: choices.map((choice) => ({ ...choice })),
            theme: unicode ? {} : asciiSelectTheme,
          },
          io,
        ),
      ),
    tick: (message, choices) => cancellable((io) => askToTick(message, choices, io, unicode)),
    typeNumber: async (message, expected) => {
      const validate = numberValidation(expected);
      const clearing = { ...theme, validationFailureMode: 'clear' } as const;
      const answer = await cancellable((io) =>
        input({ message: safeText(message), validate, theme: clearing }, io),
      );
      return isNumber(answer, expected);
    },
  };
}

/** @throws CancelledError where the question ends without an answer */
async function answered<Answer>(
  system: System,
  ask: (io: PromptStreams) => Promise<Answer>,
): Promise<Answer> {
  const input = system.stdin as unknown as NodeJS.ReadStream;
  // The line editor stops reading on Ctrl-D on an empty line, or when the terminal closes. The prompt does not learn of
  // this and would wait for ever.
  const ended = new AbortController();
  const end = () => {
    ended.abort();
  };
  try {
    const asked = ask({
      input,
      output: system.stderr as unknown as NodeJS.WriteStream,
      signal: AbortSignal.any([system.signal, ended.signal]),
    });
    input.on('pause', end);
    return await asked;
  } catch (error) {
    if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')) {
      throw new CancelledError('cancelled, nothing was changed');
    }
    throw error;
  } finally {
    input.off('pause', end);
  }
}
