import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { csvHeader, sessionCsv } from '../../src/output/session-csv.ts';
import { aSession } from './hostile.ts';

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
