import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CancelledError } from '../errors.ts';
import type { System } from '../system.ts';
import type { Prompter } from './prompter.ts';
import { safeText } from './safe-text.ts';
import { isNumber, numberValidation } from './typed-number.ts';

/**
 * Prompts for a terminal that only prints line after line (`TERM=dumb`), and for screen readers: no cursor moves,
 * nothing is drawn twice, and lists are answered with numbers.
 */
export function createPlainPrompter(system: System): Prompter {
  const say = (text: string) => system.stderr.write(text);
  const ask = async (question: string, judge: (text: string) => string | true): Promise<string> => {
    for (;;) {
      say(`${question} `);
      const text = await typedLine(system);
      const verdict = judge(text);
      if (verdict === true) return text;
      say(`${verdict}\n`);
    }
  };
  const list = (message: string, lines: readonly string[]) => {
    const width = String(lines.length).length;
    const numbered = lines.map((line, at) => `  ${String(at + 1).padStart(width)}. ${line}\n`);
    say(`${message}\n${numbered.join('')}`);
  };
  return {
    confirm: async (message, initial) => {
      const answer = await ask(`${message} (${initial ? 'Y/n' : 'y/N'})`, (text) =>
        /^(?:y|yes|n|no|)$/i.test(text.trim()) ? true : 'Type yes or no.',
      );
      return answer.trim() === '' ? initial : /^y/i.test(answer.trim());
    },
    input: async (message, { initial, validate } = {}) => {
      const meant = (text: string) => (text.trim() === '' ? (initial ?? '') : text);
      const question = initial === undefined || initial === '' ? message : `${message} (${initial})`;
      return meant(await ask(question, (text) => validate?.(meant(text)) ?? true));
    },
    password: async (message) => {
      say(`${message} `);
      const text = await hiddenLine(system);
      say('\n');
      return text;
    },
    select: async (message, choices) => {
      list(
        message,
        choices.map(({ name, description }) =>
          description === undefined ? name : `${name}: ${description}`,
        ),
      );
      const pick = (text: string) => choices[Number(/^\d+$/.exec(text.trim())?.[0] ?? 0) - 1];
      const answer = await ask('Number:', (text) =>
        pick(text) === undefined ? `Type a number from 1 to ${String(choices.length)}.` : true,
      );
      const chosen = pick(answer);
      if (chosen === undefined) throw new Error('an answer was judged to be one of the choices');
      return chosen.value;
    },
    tick: async (message, choices) => {
      list(
        safeText(message),
        choices.map(({ line }) => line),
      );
      const numbers = (text: string) => text.split(/[\s,]+/).filter((word) => word !== '');
      const isOne = (word: string) => /^\d+$/.test(word) && choices[Number(word) - 1] !== undefined;
      const answer = await ask('Numbers, with spaces between:', (text) => {
        if (numbers(text).length === 0) return 'No number given: type at least one.';
        return numbers(text).every(isOne) ? true : `Type numbers from 1 to ${String(choices.length)}.`;
      });
      const ticked = new Set(numbers(answer).map((word) => Number(word) - 1));
      return choices.filter((_, at) => ticked.has(at)).map(({ value }) => value);
    },
    typeNumber: async (message, expected) =>
      isNumber(await ask(safeText(message), numberValidation(expected)), expected),
  };
}

/** A line that the terminal itself echoes and edits. @throws CancelledError where no line comes */
function typedLine(system: System): Promise<string> {
  const reader = createInterface({ input: system.stdin as unknown as NodeJS.ReadStream, terminal: false });
  return answerOf(system, reader);
}

/** A line that is not echoed. @throws CancelledError where no line comes */
function hiddenLine(system: System): Promise<string> {
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const input = system.stdin as unknown as NodeJS.ReadStream;
  return answerOf(system, createInterface({ input, output: nowhere, terminal: true }));
}

function answerOf(system: System, reader: ReturnType<typeof createInterface>): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    const cancel = () => {
      reject(new CancelledError('cancelled, nothing was changed'));
      reader.close();
    };
    reader.once('line', (text) => {
      resolve(text);
      reader.close();
    });
    reader.once('SIGINT', cancel);
    // After an answer this has no effect.
    reader.once('close', cancel);
    if (system.signal.aborted) cancel();
    system.signal.addEventListener('abort', cancel, { once: true });
  });
}
