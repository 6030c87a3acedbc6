import { expect, test } from 'vitest';
import { createRedactor } from '../../src/redaction.ts';
import { selectionInWords } from '../../src/sessions/selection-text.ts';

const asIs = createRedactor();

test('the options as they would be typed, in one order', () => {
  expect(
    selectionInWords(
      {
        exceptUser: ['root@example.com'],
        user: ['ada@example.com', 'bob o"neil'],
        userAgent: ['Mozilla/5.0 (X11'],
        createdAfter: '2h',
        impersonated: true,
        state: 'all',
      },
      asIs,
    ),
  ).toBe(
    '--user ada@example.com --user "bob o\\"neil" --user-agent "Mozilla/5.0 (X11" --created-after 2h --impersonated --state all --except-user root@example.com',
  );
});

test('nothing given, nothing said', () => {
  expect(selectionInWords({}, asIs)).toBe('');
  expect(selectionInWords({ impersonated: false, user: [] }, asIs)).toBe('');
});

test('a secret among the values is hidden', () => {
  const redactor = createRedactor();
  redactor.protect('the-secret-itself');
  expect(selectionInWords({ userAgent: ['the-secret-itself'] }, redactor)).toBe('--user-agent ***');
});
