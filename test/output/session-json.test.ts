import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonText } from '../../src/output/json-text.ts';
import { sessionJson } from '../../src/output/session-json.ts';
import { contractObject } from './contract-object.ts';
import { aSession, dangerousIn, hostileText } from './hostile.ts';

test('a plain session is what JSON.stringify makes of the contract’s object', () => {
  expect(sessionJson(aSession)).toBe(JSON.stringify(contractObject(aSession)));
});

test('a user who changed name or address is not mixed up with what was remembered', () => {
  const before = sessionJson(aSession);
  const renamed = { ...aSession, userName: 'Ada Summer' };
  expect(JSON.parse(sessionJson(renamed))).toMatchObject({ userName: 'Ada Summer' });
  expect(JSON.parse(sessionJson({ ...aSession, userEmail: null }))).toMatchObject({ userEmail: null });
  expect(sessionJson(aSession)).toBe(before);
});

test('more users and agents than are remembered come out right', () => {
  const sessions = Array.from({ length: 10_000 }, (_, number) => ({
    ...aSession,
    userId: `user ${String(number)}`,
    userName: `Zoë ${String(number)}`,
    userAgent: `app/${String(number % 9000)}.1`,
  }));
  const wrong = sessions.filter(
    (session) => sessionJson(session) !== JSON.stringify(contractObject(session)),
  );
  expect(wrong).toEqual([]);
});

test('indented JSON is harmless and equal as well', () => {
  fc.assert(
    fc.property(fc.dictionary(hostileText, hostileText), (value) => {
      const text = jsonText(value, 2);
      expect(JSON.parse(text)).toEqual(value);
      expect(dangerousIn(text.replaceAll('\n', ''))).toEqual([]);
    }),
  );
});
