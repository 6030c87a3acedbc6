import { describe, expect, it } from 'vitest';
import { activityOf, updatesStandStill, type RefreshEvidence } from '../../src/sessions/activity.ts';
import { toInstant } from '../../src/sessions/instant.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = Date.parse('2026-11-30T10:00:00.000Z');
/** @param days after the present */
const at = (days: number) => toInstant(now + days * day);

describe('activityOf', () => {
  it.each([
    ['a refresh that moved the expiry alone', -20, 6.5, 7, -0.5],
    ['a refresh that moved both', -0.5, 6.5, 7, -0.5],
    ['a sign-in without "remember me"', -0.25, 0.75, 7, -0.25],
    ['no expires_in', -20, 6.5, null, -20],
  ])('%s', (_, updated, expires, expiresIn, active) => {
    const times = { updatedAt: at(updated), expiresAt: at(expires) };
    expect(activityOf(times, expiresIn === null ? null : expiresIn * day)).toBe(at(active));
  });

  it('is not known where one of its times is not', () => {
    expect(activityOf({ updatedAt: at(-1), expiresAt: null }, 7 * day)).toBeNull();
    expect(activityOf({ updatedAt: null, expiresAt: at(1) }, 7 * day)).toBeNull();
    expect(activityOf({ updatedAt: at(-1), expiresAt: null }, null)).toBe(at(-1));
  });
});

/** @param created, updated and expires in days after the present */
const session = (created: number, updated: number, expires: number): RefreshEvidence => ({
  createdAt: at(created),
  updatedAt: at(updated),
  expiresAt: at(expires),
  isImpersonation: false,
});
/** Never refreshed. */
const signIn = (created: number, length: number) => session(created, created, created + length);

describe('updatesStandStill', () => {
  it.each<[string, boolean, readonly RefreshEvidence[]]>([
    ['one was refreshed, one was not', true, [signIn(-3, 7), session(-3, -3, 7)]],
    ['all were refreshed', true, [session(-40, -40, 6.9), session(-23.3, -23.3, 6.2)]],
    ['no session', false, []],
    ['one session', false, [session(-3, -3, 7)]],
    ['sign-ins alone', false, [signIn(-0.1, 7), signIn(-3, 7), signIn(-6.9, 7)]],
    ['refreshes that move both', false, [signIn(-3, 7), session(-40, -0.5, 6.5), session(-9, -0.2, 6.8)]],
    ['a sign-in without "remember me"', false, [signIn(-0.9, 1), signIn(-6.5, 7), signIn(-6.2, 7)]],
    ['a long lifetime, some of a day', false, [signIn(-29, 30), signIn(-0.5, 1)]],
    ['expires_in became longer', false, [signIn(-6.9, 7), signIn(-6.5, 30)]],
    ['expires_in became shorter', false, [signIn(-25, 30), signIn(-25.5, 30), signIn(-1, 7), signIn(-2, 7)]],
    ['one expiry for all', false, [session(-3, -3, 7), session(-3.5, -3.5, 7), session(-4, -4, 7)]],
    ['a shorter one made by hand', false, [signIn(-0.01, 1 / 24), signIn(-3, 7)]],
    ['an expired one', false, [signIn(-3, 7), session(-20, -20, -1)]],
    ['one whose times are missing', false, [signIn(-3, 7), { ...session(-3, -3, 7), createdAt: null }]],
    ['an impersonation', false, [{ ...signIn(-0.01, 1 / 12), isImpersonation: true }, signIn(-6.99, 7)]],
  ])('%s', (_, expected, sessions) => {
    expect(updatesStandStill(sessions, toInstant(now))).toBe(expected);
  });

  it('is not misled by clocks that are read twice in one sign-in, or hold whole seconds', () => {
    const sessions = Array.from({ length: 50 }, (_, nth) => ({
      ...signIn(-nth / 10, 7),
      updatedAt: toInstant(now - (nth / 10) * day + (nth % 3) * 300),
      expiresAt: toInstant(Math.floor((now - (nth / 10) * day + 7 * day + nth) / 1000) * 1000),
    }));
    expect(updatesStandStill(sessions, toInstant(now))).toBe(false);
  });
});
