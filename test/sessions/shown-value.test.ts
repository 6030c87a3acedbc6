import { expect, test } from 'vitest';
import { shownValue } from '../../src/sessions/shown-value.ts';

test.each([
  'Zq3xKp9vTn4sWb7hRc2mLd8fGj6yQa1e',
  'x Zq3xKp9vTn4sWb7hRc2mLd8fGj6yQa1e y',
  '0191f3a4-7c55-7b1e-9d2f-3a4b5c6d7e8f',
  'Zq3xKp9v_Tn4sWb7h-Rc2mLd8f+Gj6yQa1e',
  `short.${'A'.repeat(43)}=`,
  'Zk3/9tLq+Vw1/xR8sYb2Nc7/uHd5Gf0/aPm4Ej6Ti/8=',
  'better-auth.session_token=abc',
  'Bearer abc',
])('%s may be a secret', (text) => {
  expect(shownValue(text)).toBe('what was given');
});

test.each([
  '',
  'production-eu-west-1-replica',
  'America/Argentina/ComodRivadavia',
  '2001:0db8:85a3:0000:0000:8a2e:0370:7334',
  '2026-11-23T10:00:00.123456789+02:00',
])('%j is none', (text) => {
  expect(shownValue(text)).toBe(JSON.stringify(text));
});

test('a long value is not shown', () => {
  expect(shownValue('- '.repeat(100))).toBe(JSON.stringify('- '.repeat(100)));
  expect(shownValue('- '.repeat(101))).toBe('what was given');
});
