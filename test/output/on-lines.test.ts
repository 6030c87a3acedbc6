import { expect, it } from 'vitest';
import { labelledOnLines, onLines } from '../../src/output/on-lines.ts';

const sentence = 'the newest session is in the future: the time zone UTC is not the one of the application';

it('breaks what is said at spaces, where a terminal would break it inside words', async () => {
  expect(await onLines(sentence, { width: 40 })).toBe(
    'the newest session is in the future:\nthe time zone UTC is not the one of the\napplication',
  );
  expect(await onLines(`short\n${sentence}`, { width: 60 })).toBe(
    'short\nthe newest session is in the future: the time zone UTC is\nnot the one of the application',
  );
  expect(await onLines(sentence, { width: Number.POSITIVE_INFINITY })).toBe(sentence);
});

it('counts the word in front, and gives its style to nothing else', async () => {
  const shout = (text: string) => `<${text}>`;
  expect(await labelledOnLines('warning:', shout, sentence, { width: 40 })).toBe(
    '<warning:> the newest session is in the\nfuture: the time zone UTC is not the\none of the application',
  );
  expect(await labelledOnLines('error:', shout, 'no', { width: 40 })).toBe('<error:> no');
});
