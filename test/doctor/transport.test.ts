import { expect, it } from 'vitest';
import { judgeTransport } from '../../src/doctor/database-checks.ts';

const target = {
  profile: 'live',
  dialect: 'postgresql',
  database: 'db.example.com:5432/app',
  redis: null,
} as const;

it.each([
  [null, false, true, 'ok', 'the connection stays on this machine'],
  ['TLSv1.3', true, false, 'ok', 'TLSv1.3, with a verified certificate'],
  ['TLSv1.3', false, true, 'ok', 'TLSv1.3, without a verified certificate'],
  ['TLSv1.3', false, false, 'warn', 'TLSv1.3, without a verified certificate'],
  [null, false, false, 'warn', 'the connection is in the clear'],
] as const)('%s, verified %s, on this machine %s: %s', (protocol, isVerified, isLocal, status, result) => {
  const verdict = judgeTransport({ protocol, isVerified, isLocal }, target);
  expect(verdict).toMatchObject({ status, result });
  if (status === 'warn') expect(verdict.remedy?.text).toContain('sslmode=verify-full');
});
