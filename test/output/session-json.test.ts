import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deviceOf } from '../../src/output/device.ts';
import { jsonText } from '../../src/output/json-text.ts';
import { sessionJson } from '../../src/output/session-json.ts';
import type { Session } from '../../src/sessions/session.ts';
import { aSession, dangerousIn, hostileSession, hostileText } from './hostile.ts';

/** The session object as the command-line contract has it. */
function contractObject(session: Session): object {
  const { id, userId, userEmail, userName, state, createdAt, updatedAt, lastActiveAt } = session;
  const { expiresAt, ipAddress, userAgent } = session;
  const { impersonatedBy, store, tokenFingerprint } = session;
  const device = deviceOf(userAgent);
  return {
    id, userId, userEmail, userName, state, createdAt, updatedAt, lastActiveAt, expiresAt, ipAddress,
    userAgent, device, impersonatedBy, store, tokenFingerprint,
  }; // prettier-ignore
}

test('a plain session is what JSON.stringify makes of the contract’s object', () => {
  expect(sessionJson(aSession)).toBe(JSON.stringify(contractObject(aSession)));
});

test('any session parses back to the same values, in the order of the contract, on one harmless line', () => {
  fc.assert(
    fc.property(hostileSession, (session) => {
      const line = sessionJson(session);
      const expected = contractObject(session);
      const parsed: unknown = JSON.parse(line);
      expect(parsed).toEqual(expected);
      expect(Object.keys(parsed as object)).toEqual(Object.keys(expected));
      expect(dangerousIn(line)).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});

test('a user who changed name or address is not mixed up with what was remembered', () => {
  const before = sessionJson(aSession);
  const renamed = { ...aSession, userName: 'Ada Summer' };
  expect(JSON.parse(sessionJson(renamed))).toMatchObject({ userName: 'Ada Summer' });
  expect(JSON.parse(sessionJson({ ...aSession, userEmail: null }))).toMatchObject({ userEmail: null });
  expect(sessionJson(aSession)).toBe(before);
});

test('more users and agents than are remembered come out right', () => {
  for (let number = 0; number < 10_000; number += 1) {
    const own = {
      userId: `user ${String(number)}`,
      userName: `Zoë ${String(number)}`,
      userAgent: `app/${String(number % 9000)}.1`,
    };
    expect(JSON.parse(sessionJson({ ...aSession, ...own }))).toMatchObject(own);
  }
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
