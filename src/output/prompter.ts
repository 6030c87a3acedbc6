import { confirm, input, password, select } from '@inquirer/prompts';
import { CancelledError } from '../errors.ts';
import type { System } from '../system.ts';
import { safeText } from './safe-text.ts';
import { askToTick, type PromptStreams, type TickChoice } from './tick-prompt.ts';

export interface Choice<Value> {
  readonly name: string;
  readonly value: Value;
  readonly description?: string;
}

/** Questions to a person at a terminal. Every method throws CancelledError on Ctrl-C. */
export interface Prompter {
  confirm(message: string, initial: boolean): Promise<boolean>;
  /** `validate` answers with a complaint, or true. */
  input(
    message: string,
    options?: { readonly initial?: string; readonly validate?: (text: string) => string | true },
  ): Promise<string>;
  password(message: string): Promise<string>;
  select<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value>;
  /** Any number of the choices, at least one, in their order. Nothing is ticked at the beginning. */
  tick<Value>(message: string, choices: readonly TickChoice<Value>[]): Promise<readonly Value[]>;
  /**
   * Whether the person types exactly this number, with or without separators of thousands. Nothing and `no` are false,
   * and so is anything else after it has been said three times what is expected.
   */
  typeNumber(message: string, expected: number): Promise<boolean>;
}

const COMPLAINTS = 3;

/** Prompts on stderr, so that stdout stays the result. */
export function createPrompter(system: System): Prompter {
  const io: PromptStreams = {
    input: system.stdin as unknown as NodeJS.ReadStream,
    output: system.stderr as unknown as NodeJS.WriteStream,
    signal: system.signal,
  };
  return {
    confirm: (message, initial) => cancellable(() => confirm({ message, default: initial }, io)),
    input: (message, options = {}) =>
      cancellable(() =>
        input(
          {
            message,
            ...(options.initial === undefined ? {} : { default: options.initial }),
            ...(options.validate === undefined ? {} : { validate: options.validate }),
          },
          io,
        ),
      ),
    password: (message) => cancellable(() => password({ message, mask: true }, io)),
    select: (message, choices) =>
      cancellable(() => select({ message, choices: choices.map((choice) => ({ ...choice })) }, io)),
    tick: (message, choices) => cancellable(() => askToTick(message, choices, io)),
    typeNumber: async (message, expected) => {
      let complaints = 0;
      const validate = (text: string) => {
        if (isNo(text) || isNumber(text, expected) || complaints === COMPLAINTS) return true;
        complaints += 1;
        return `Type ${expected.toLocaleString('en-US')} to go on, or nothing to stop.`;
      };
      const theme = { validationFailureMode: 'clear' } as const;
      const answer = await cancellable(() => input({ message: safeText(message), validate, theme }, io));
      return isNumber(answer, expected);
    },
  };
}

function isNo(text: string): boolean {
  return /^(?:no?)?$/i.test(text.trim());
}

/** `12000`, `12,000`, `12 000`, `12.000`, `12_000`. */
function isNumber(text: string, expected: number): boolean {
  const typed = text.trim();
  const grouped = /^(?:\d+|\d{1,3}([\s,._])\d{3}(?:\1\d{3})*)$/.test(typed);
  return grouped && typed.replaceAll(/\D/g, '') === String(expected);
}

async function cancellable<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')) {
      throw new CancelledError('cancelled, nothing was changed');
    }
    throw error;
  }
}
