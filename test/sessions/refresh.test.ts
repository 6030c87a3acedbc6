import { expect, test } from 'vitest';
import { toInstant } from '../../src/sessions/instant.ts';
import { refreshDueAt } from '../../src/sessions/refresh.ts';
import type { Session } from '../../src/sessions/session.ts';

const DAY = 86_400_000;
const created = Date.parse('2026-11-20T10:00:00.000Z');
const lengths = { expiresIn: 7 * DAY, updateAge: DAY, disableRefresh: false };

function sessionWith(session: Partial<Session>): Session {
  return {
    id: 'id', userId: 'user', userEmail: null, userName: null, state: 'active', createdAt: toInstant(created),
    updatedAt: toInstant(created), expiresAt: toInstant(created + 7 * DAY), ipAddress: null, userAgent: null,
    lastActiveAt: toInstant(created), impersonatedBy: null, activeOrganizationId: null, store: 'database', tokenFingerprint: '0123456789ab', ...session,
  }; // prettier-ignore
}

test('a session is due updateAge after its expiry was set', () => {
  expect(refreshDueAt(sessionWith({}), lengths)).toBe('2026-11-21T10:00:00.000Z');
});

test('after a refresh the count begins anew', () => {
  const refreshed = sessionWith({
    expiresAt: toInstant(created + 10 * DAY),
    updatedAt: toInstant(created + 3 * DAY),
  });
  expect(refreshDueAt(refreshed, lengths)).toBe('2026-11-24T10:00:00.000Z');
});

test('one that was given less than expiresIn is never refreshed', () => {
  expect(refreshDueAt(sessionWith({ expiresAt: toInstant(created + DAY) }), lengths)).toBeNull();
});

test('milliseconds between the times of one row do not count as less', () => {
  expect(refreshDueAt(sessionWith({ expiresAt: toInstant(created + 7 * DAY - 20) }), lengths)).not.toBeNull();
});

test('neither is an expired one, nor one without expiry', () => {
  expect(refreshDueAt(sessionWith({ state: 'expired' }), lengths)).toBeNull();
  expect(refreshDueAt(sessionWith({ expiresAt: null }), lengths)).toBeNull();
});
