import { expect, it } from 'vitest';
import { toInstant } from '../../src/sessions/instant.ts';
import { everySession } from '../../src/sessions/selection.ts';
import { departureOf, differencesBetween, type Sight } from '../../src/sessions/session-changes.ts';
import type { Session } from '../../src/sessions/session.ts';

const at = (seconds: number) => toInstant(Date.parse('2026-11-27T10:00:00Z') + seconds * 1000);

const session = (id: string, changes: Partial<Session> = {}): Session => ({
  id,
  userId: 'ada',
  userEmail: 'ada@example.com',
  userName: 'Ada',
  state: 'active',
  createdAt: at(-3600),
  updatedAt: at(-3600),
  lastActiveAt: at(-3600),
  expiresAt: at(3600),
  ipAddress: '192.0.2.1',
  userAgent: 'Firefox',
  impersonatedBy: null,
  activeOrganizationId: null,
  store: 'database',
  tokenFingerprint: '0123456789ab',
  ...changes,
});

const sight = (seconds: number, sessions: readonly Session[], isWhole = true): Sight => ({
  now: at(seconds),
  selection: { ...everySession, state: 'active' },
  sessions,
  isWhole,
});

const ids = (sessions: readonly Session[]) => sessions.map(({ id }) => id);

it('what came, went and changed', () => {
  const [kept, gone, refreshed] = [session('kept'), session('gone'), session('refreshed')];
  const found = differencesBetween(
    sight(0, [kept, gone, refreshed]),
    sight(2, [session('new'), session('kept'), { ...refreshed, updatedAt: at(1), lastActiveAt: at(1) }]),
  );
  expect(ids(found.appeared)).toEqual(['new']);
  expect(ids(found.changed)).toEqual(['refreshed']);
  expect(ids(found.missing)).toEqual(['gone']);
});

it('whatever field of a session changes', () => {
  const before = session('one');
  for (const change of [
    { state: 'expired' },
    { ipAddress: null },
    { userAgent: 'curl' },
    { expiresAt: at(7200) },
    { store: 'both' },
  ] as const) {
    const found = differencesBetween(sight(0, [before]), sight(2, [{ ...before, ...change }]));
    expect(ids(found.changed)).toEqual(['one']);
  }
});

it('what only comes into sight has not signed in', () => {
  const before = sight(0, [session('first')], false);
  const found = differencesBetween(
    before,
    sight(
      2,
      [
        session('signed in', { createdAt: at(1), updatedAt: at(1), lastActiveAt: at(1) }),
        session('was used', { updatedAt: at(1), lastActiveAt: at(1) }),
        session('moved up'),
      ],
      false,
    ),
  );
  expect(ids(found.appeared)).toEqual(['signed in']);
  expect(ids(found.changed)).toEqual(['was used']);
  expect(ids(found.missing)).toEqual(['first']);
});

it('why a session is not seen any more', () => {
  const active = { ...everySession, state: 'active' } as const;
  expect(departureOf(undefined, active)).toBe('ended');
  expect(departureOf(session('one', { state: 'expired' }), active)).toBe('expired');
  expect(departureOf(session('one'), { ...active, userIds: ['grace'] })).toBe('unmatched');
  // It is merely below those that the screen has room for.
  expect(departureOf(session('one'), active)).toBeNull();
});
