import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { safeText } from '../../src/output/safe-text.ts';
import { csvHeader, sessionCsv } from '../../src/output/session-csv.ts';
import { aSession, dangerousIn, hostileSession } from './hostile.ts';

const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

function records(text: string): readonly (readonly string[])[] {
  return parse(text, { relax_column_count: false });
}

test('the header names the fields of the session object', () => {
  expect(csvHeader).toBe(
    'id,userId,userEmail,userName,state,createdAt,updatedAt,lastActiveAt,expiresAt,ipAddress,userAgent,device,impersonatedBy,store,tokenFingerprint\n',
  );
});

test('absent values are empty', () => {
  const absent = {
    userEmail: null,
    userName: null,
    createdAt: null,
    updatedAt: null,
    lastActiveAt: null,
    expiresAt: null,
    ipAddress: null,
    userAgent: null,
  };
  expect(sessionCsv([{ ...aSession, ...absent }])).toBe(
    `${aSession.id},${String(aSession.userId)},,,active,,,,,,,,,database,0123456789ab\n`,
  );
});

test('a formula is defused', () => {
  const [record] = records(
    sessionCsv([{ ...aSession, userAgent: '=HYPERLINK("https://attacker.example/")' }]),
  );
  expect(record?.[10]).toBe(`'=HYPERLINK("https://attacker.example/")`);
});

test('any session is one line that reads back, with no formula and nothing dangerous in it', () => {
  fc.assert(
    fc.property(fc.array(hostileSession, { maxLength: 4 }), (sessions) => {
      const text = sessionCsv(sessions);
      const lines = text.split('\n').slice(0, -1);
      expect(lines).toHaveLength(sessions.length);
      expect(dangerousIn(lines.join(''))).toEqual([]);
      const rows = records(csvHeader + text).slice(1);
      for (const [at, session] of sessions.entries()) {
        const row = rows[at] ?? [];
        expect(row).toHaveLength(15);
        for (const cell of row) expect(cell).not.toMatch(FORMULA);
        const expected = [session.id, session.userId, session.userEmail, session.userName].map((value) =>
          safeText(value ?? ''),
        );
        expect(row.slice(0, 4)).toEqual(expected.map((value) => (FORMULA.test(value) ? `'${value}` : value)));
      }
    }),
    { numRuns: 500 },
  );
});
