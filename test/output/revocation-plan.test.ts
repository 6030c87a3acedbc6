import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { planText, type PlanView } from '../../src/output/revocation-plan.ts';
import { stylesFor, type Terminal } from '../../src/output/styles.ts';
import type { Instant } from '../../src/sessions/instant.ts';
import type { Session } from '../../src/sessions/session.ts';
import { noWaysBack } from '../../src/sessions/ways-back.ts';
import { aSession } from './hostile.ts';

const now = '2026-11-23T14:00:00.000Z' as Instant;
const screen = (width: number, colour = false): Terminal => ({ interactive: true, colour, width });

const expired: Session = {
  ...aSession,
  id: 'bWxYk7qzA9b2C3d4E5f6G7h8I9j0K1l2',
  state: 'expired',
  expiresAt: '2026-11-23T13:00:00.000Z' as Instant,
  ipAddress: '203.0.113.7',
  userAgent: 'curl/8.5.0',
};

const plain: PlanView = {
  target: { profile: 'production', dialect: 'postgresql', database: 'db.example.com:5432/app', redis: null },
  selection: '--user ada@example.com',
  survey: {
    sessions: 2,
    users: 1,
    active: 1,
    newest: now,
    oauthTokens: null,
    apiKeys: null,
    waysBack: noWaysBack,
    impersonations: null,
    newestOf: null,
  },
  sample: [aSession, expired],
  isNewest: true,
  cookieCache: null,
  undeclared: ['cookie_cache', 'secondary_storage'],
  clock: now,
  included: new Set(),
  preserve: false,
  untilQuiet: false,
};

const rich: PlanView = {
  ...plain,
  survey: {
    ...plain.survey,
    sessions: 20,
    users: 3,
    oauthTokens: { bound: 8, offline: 2 },
    apiKeys: 4,
    waysBack: { ...noWaysBack, 'api-keys': 4, 'trusted-devices': 2, verifications: 'unknown' },
    impersonations: 5,
  },
  cookieCache: 300_000,
  undeclared: ['secondary_storage'],
  preserve: true,
  untilQuiet: true,
  cautions: ['times are stored without a zone; UTC is assumed'],
};

function shown(plan: PlanView, terminal: Terminal = screen(80)): string {
  const styles = stylesFor(terminal);
  return planText(plan, { now, terminal, styles, wide: false, emails: new Map() });
}

describe('the plan', () => {
  it('fits 80 columns, and keeps the state of the sessions in them', () => {
    expect(`\n${shown(plain)}`).toMatchInlineSnapshot(`
      "
      database     production, postgresql db.example.com:5432/app
      selected     --user ada@example.com
      to be ended  2 sessions of 1 user (1 active, 1 expired)
      note         No cookie cache is configured here. If the application has one,
                   browsers stay signed in until it expires.
                   No Redis is configured here. If the application keeps sessions in
                   secondary storage, they stay valid there.

      They are:
      ID        USER            STATE    ACTIVE  IP                    DEVICE
      qYwS7kqz  ada@example.c…  active   3h ago  2001:db8:aaaa:bbbb::  Chrome 142 on …
      bWxYk7qz  ada@example.c…  expired  3h ago  203.0.113.7           curl 8.5
      "
    `);
    for (const width of [60, 80, 100]) {
      const text = shown(rich, screen(width));
      for (const line of text.split('\n')) expect(stringWidth(line), line).toBeLessThanOrEqual(width);
      expect(text).toMatch(/\bSTATE\b/);
    }
  });

  it('says what is peculiar first, and what every plan says last', () => {
    expect(`\n${shown({ ...rich, sample: [] })}`).toMatchInlineSnapshot(`
      "
      database     production, postgresql db.example.com:5432/app
      selected     --user ada@example.com
      to be ended  20 sessions of 3 users (1 active, 19 expired)
      warning      times are stored without a zone; UTC is assumed
                   5 active sessions in which these users impersonate others stay
                   valid: see --impersonated-by.
                   2 offline OAuth refresh tokens stay valid: --include offline-tokens
                   revokes them.
                   Whether these users can come back through pending verifications is
                   not known: sessionctl cannot read them here.
                   2 trusted devices of these users can skip the second factor:
                   --include trusted-devices ends them.
                   4 API keys of these users stay valid: --include api-keys disables
                   them.
                   The rows are kept as records (preserve_in_database): their expiry
                   is set to the current time. Expired sessions are records already
                   and not counted here.
                   Also ends matching sessions that start meanwhile, until there are
                   no new ones.
      note         The cookie cache lets browsers stay signed in for up to 5m
                   afterwards: until about 14:05 UTC if ended now.
                   8 OAuth tokens bound to these sessions are revoked too.
      note         No Redis is configured here. If the application keeps sessions in
                   secondary storage, they stay valid there.
      "
    `);
  });

  it('makes what is alarming stand out, and what is constant step back', () => {
    const { bold, yellow, dim } = stylesFor(screen(500, true));
    const lines = shown(
      { ...rich, cookieCache: null, undeclared: ['cookie_cache', 'secondary_storage'] },
      screen(500, true),
    ).split('\n');
    const styled = (text: string) => lines.find((line) => line.includes(text));
    for (const sentence of [
      'times are stored without a zone; UTC is assumed',
      '5 active sessions in which these users impersonate others stay valid: see --impersonated-by.',
      '2 offline OAuth refresh tokens stay valid: --include offline-tokens revokes them.',
      '4 API keys of these users stay valid: --include api-keys disables them.',
      'The rows are kept as records (preserve_in_database): their expiry is set to the current time. Expired sessions are records already and not counted here.',
    ])
      expect(styled(sentence), sentence).toContain(bold(yellow(sentence)));
    const constant =
      'No cookie cache is configured here. If the application has one, browsers stay signed in until it expires.';
    expect(styled(constant)).toContain(dim(constant));
    const bound = '8 OAuth tokens bound to these sessions are revoked too.';
    expect(styled(bound)).toMatch(new RegExp(` {2}${bound}$`));
  });

  it('is right with one of each', () => {
    const survey = { sessions: 1, users: 1, active: 1, newest: now, newestOf: null, oauthTokens: { bound: 1, offline: 1 }, apiKeys: 1, waysBack: { ...noWaysBack, 'api-keys': 1 }, impersonations: 1 }; // prettier-ignore
    const one = { ...rich, survey, sample: [aSession] };
    expect(`\n${shown({ ...one, cautions: [] }, screen(200))}`).toMatchInlineSnapshot(`
      "
      database     production, postgresql db.example.com:5432/app
      selected     --user ada@example.com
      to be ended  1 session of 1 user (1 active, 0 expired)
      warning      1 active session in which this user impersonates another user stays valid: see --impersonated-by.
                   1 offline OAuth refresh token stays valid: --include offline-tokens revokes it.
                   1 API key of this user stays valid: --include api-keys disables it.
                   The row is kept as a record (preserve_in_database): its expiry is set to the current time. Expired sessions are records already and not counted here.
                   Also ends matching sessions that start meanwhile, until there are no new ones.
      note         The cookie cache lets browsers stay signed in for up to 5m afterwards: until about 14:05 UTC if ended now.
                   1 OAuth token bound to this session is revoked too.
      note         No Redis is configured here. If the application keeps sessions in secondary storage, they stay valid there.

      It is:
      ID                                USER             STATE   CREATED  LAST ACTIVE  EXPIRES  IP                    DEVICE
      qYwS7kqzA1b2C3d4E5f6G7h8I9j0K1l2  ada@example.com  active  3d ago   3h ago       in 6d    2001:db8:aaaa:bbbb::  Chrome 142 on macOS
      "
    `);
    expect(shown({ ...one, included: new Set(['offline-tokens']) })).toContain(
      '1 offline OAuth refresh token is revoked too',
    );
    expect(shown({ ...rich, sample: [aSession] })).toContain('The one with the latest activity:');
    expect(shown({ ...rich, sample: [aSession], isNewest: false })).toContain('One of them:');
    expect(shown({ ...rich, isNewest: false })).toContain('2 of them:');
  });

  it.each([
    ['2026-11-23T23:58:30.001Z', 300_000, 'up to 5m afterwards: until about 00:04 UTC if ended now.'],
    ['2026-11-23T23:59:00.000Z', 60_000, 'up to 1m afterwards: until about 00:00 UTC if ended now.'],
    ['2026-11-23T14:00:00.000Z', 86_400_000, 'up to 1d afterwards: until about 2026-11-24 14:00 UTC if ended now.'],
  ])('at %s names the minute when a cookie cache of %i ms has run out', (clock, cookieCache, words) => {
    expect(shown({ ...plain, clock: clock as Instant, cookieCache }, screen(500))).toContain(words);
  }); // prettier-ignore

  it('shows a caution as it is, and nothing of it that a terminal obeys', () => {
    expect(shown({ ...plain, cautions: ['a\u001b[2Jb'] })).toContain('a\\x1b[2Jb');
  });
});
