import { expect, test } from 'vitest';
import { nearest, suggestion } from '../../src/sessions/nearest.ts';

test.each([
  ['jsn', ['table', 'json', 'jsonl'], 'json'],
  ['JSONL', ['table', 'json', 'jsonl'], 'jsonl'],
  ['updated', ['updatedAt', 'createdAt'], 'updatedAt'],
  ['craetedAt', ['updatedAt', 'createdAt'], 'createdAt'],
  ['xml', ['table', 'json', 'csv'], undefined],
  ['', ['asc', 'desc'], undefined],
  ['e', ['createdAt', 'expiresAt'], undefined],
])('%j among %j means %j', (typed, known, meant) => {
  expect(nearest(typed, known)).toBe(meant);
});

test('without a near word the hint lists them all', () => {
  expect(suggestion('xml', ['json', 'csv'])).toBe('Use one of json, csv.');
});

test('an endless word takes no time', () => {
  expect(nearest('a'.repeat(1_000_000), ['table'])).toBeUndefined();
});
