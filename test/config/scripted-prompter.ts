import type { Prompter } from '../../src/output/prompter.ts';

/** What a person answers: the text, the choice or what is ticked, to the question that holds the words. */
export type Answer = readonly [words: string, answer: string | boolean | readonly string[]];

export interface ScriptedPrompter {
  readonly prompter: Prompter;
  /** The questions that nobody has asked yet. */
  readonly left: () => readonly Answer[];
}

/** A person with prepared answers; any question out of turn fails the test. An empty answer takes what is offered. */
export function scriptedPrompter(script: readonly Answer[]): ScriptedPrompter {
  const left = [...script];
  const answerTo = <Kind extends Answer[1]>(
    message: string,
    isKind: (answer: Answer[1]) => answer is Kind,
  ): Kind => {
    const [words, answer] = left.shift() ?? ['nothing', ''];
    if (!message.includes(words))
      throw new Error(`asked ${JSON.stringify(message)}, expected ${JSON.stringify(words)}`);
    if (!isKind(answer)) throw new Error(`a wrong kind of answer to ${JSON.stringify(message)}`);
    return answer;
  };
  const isText = (answer: Answer[1]) => typeof answer === 'string';
  return {
    left: () => left,
    prompter: {
      confirm: (message) => Promise.resolve(answerTo(message, (answer) => typeof answer === 'boolean')),
      input: async (message, { initial, validate } = {}) => {
        const typed = answerTo(message, isText);
        const text = typed === '' ? (initial ?? '') : typed;
        const verdict = validate?.(text) ?? true;
        return verdict === true ? text : Promise.reject(new Error(`refused: ${verdict}`));
      },
      password: (message) => Promise.resolve(answerTo(message, isText)),
      select: (message, choices) => {
        const name = answerTo(message, isText);
        const choice = choices.find((one) => one.name === name);
        return choice === undefined
          ? Promise.reject(new Error(`no choice ${name}`))
          : Promise.resolve(choice.value);
      },
      /** What is ticked is named by a part of its line that no other line has. */
      tick: async (message, choices) => {
        const parts = answerTo(message, (answer) => typeof answer === 'object');
        const ticked = parts.map((part) => {
          const fits = choices.filter(({ line }) => line.includes(part));
          if (fits.length !== 1) throw new Error(`${String(fits.length)} lines with ${part}`);
          return fits[0];
        });
        return Promise.resolve(choices.filter((one) => ticked.includes(one)).map(({ value }) => value));
      },
      typeNumber: (message, expected) => Promise.resolve(answerTo(message, isText) === String(expected)),
    },
  };
}
