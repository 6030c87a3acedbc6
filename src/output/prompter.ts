import { confirm, input, password, select } from '@inquirer/prompts';
import { CancelledError } from '../errors.ts';
import type { System } from '../system.ts';

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
}

/** Prompts on stderr, so that stdout stays the result. */
export function createPrompter(system: System): Prompter {
  const io = {
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
  };
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
