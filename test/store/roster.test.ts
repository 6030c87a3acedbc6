import { expect, it } from 'vitest';
import { createRoster } from '../../src/store/redis/roster.ts';

const tokenOf = (n: number) => `aZ09${n.toString(36)}`.padEnd(32, 'Z');

it('remembers tokens exactly, and gives them back as they came', () => {
  const roster = createRoster();
  const tokens = Array.from({ length: 40_000 }, (_, n) => tokenOf(n));
  for (const token of tokens) expect(roster.add(token)).toBe(true);
  for (const token of tokens.slice(0, 1000)) expect(roster.add(token)).toBe(false);
  expect(tokens.every((token) => roster.has(token))).toBe(true);
  expect(Array.from({ length: 40_000 }, (_, n) => roster.has(tokenOf(n + 40_000))).includes(true)).toBe(
    false,
  );
  const chunks = [...roster.chunks(3000)];
  expect(chunks.map(({ length }) => length)).toEqual([...Array<number>(13).fill(3000), 1000]);
  expect(chunks.flat()).toEqual(tokens);
});

it.each([
  '',
  'short',
  'x'.repeat(31),
  'x'.repeat(33),
  `${'x'.repeat(31)}+`,
  `${'x'.repeat(31)}=`,
  'ä'.repeat(32),
])('takes no token of another form: %j', (token) => {
  const roster = createRoster();
  expect(roster.add(token)).toBe(null);
  expect(roster.has(token)).toBe(false);
  expect([...roster.chunks(10)]).toEqual([]);
});
