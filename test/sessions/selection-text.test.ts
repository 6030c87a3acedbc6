import { expect, test } from 'vitest';
import { selectionInWords } from '../../src/sessions/selection-text.ts';

test('the options as they would be typed, in one order', () => {
  expect(
    selectionInWords({
      exceptUser: ['root@example.com'],
      user: ['ada@example.com', 'bob o"neil'],
      userAgent: ['Mozilla/5.0 (X11'],
      createdAfter: '2h',
      impersonated: true,
      state: 'all',
    }),
  ).toBe(
    '--user ada@example.com --user "bob o\\"neil" --user-agent "Mozilla/5.0 (X11" --created-after 2h --impersonated --state all --except-user root@example.com',
  );
});

test('nothing given, nothing said', () => {
  expect(selectionInWords({})).toBe('');
  expect(selectionInWords({ impersonated: false, user: [] })).toBe('');
});
