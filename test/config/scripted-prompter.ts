import type { Prompter } from '../../src/output/prompter.ts';

/** What a person answers: the text or the choice, to the question that holds the words. */
export type Answer = readonly [words: string, answer: string | boolean];

export interface ScriptedPrompter {
  readonly prompter: Prompter;
  /** The questions that nobody has asked yet. */
  readonly left: () => readonly Answer[];
}

/** A person with prepared answers; any question out of turn fails the test. An empty answer takes what is offered. */
export function scriptedPrompter(script: readonly Answer[]): ScriptedPrompter {
  const left = [...script];
  const answerTo = <Kind extends string | boolean>(
    message: string,
    isKind: (answer: string | boolean) => answer is Kind,
  ): Kind => {
    const [words, answer] = left.shift() ?? ['nothing', ''];
    if (!message.includes(words))
      throw new Error(`asked ${JSON.stringify(message)}, expected ${JSON.stringify(words)}`);
    if (!isKind(answer)) throw new Error(`a wrong kind of answer to ${JSON.stringify(message)}`);
    return answer;
  };
  const isText = (answer: string | boolean) => typeof answer === 'string';
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
    },
  };
}
