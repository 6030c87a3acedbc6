import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { reportText, type RevocationReport } from '../../src/output/revocation-report.ts';
import { stylesFor, type Terminal } from '../../src/output/styles.ts';
import type { Instant } from '../../src/sessions/instant.ts';

const at = '2026-11-23T14:00:00.000Z' as Instant;

const done: RevocationReport = {
  command: 'revoke-all',
  runId: 'run-1',
  dryRun: false,
  target: { profile: 'production', dialect: 'postgresql', database: 'db.example.com:5432/app', redis: null },
  matched: 12,
  revoked: 12,
  users: 3,
  remaining: 0,
  notFound: [],
  secondary: null,
  oauthTokens: { revoked: 1, offlineLeft: 2 },
  batches: 1,
  startedAt: at,
  finishedAt: at,
  durationMs: 417,
  stoppedBecause: 'complete',
  effectiveAt: at,
  survivors: [],
  arrivedLater: 2,
  noLongerMatch: 0,
  states: { active: 10, expired: 2 },
  uncertain: false,
  apiKeys: null,
  outlives: {
    'device-codes': null,
    verifications: { found: 3, ended: 0 },
    'trusted-devices': { found: 1, ended: 1 },
    'oauth-tokens': null,
    'api-keys': { found: null, ended: 0 },
  },
  total: null,
  reason: null,
  unreadableAddresses: 0,
  unreadableTimes: 0,
  mismatch: null,
  undeclared: [],
};

const pipe: Terminal = { interactive: false, colour: false, width: Number.POSITIVE_INFINITY };
const screen = (width: number, colour = false): Terminal => ({ interactive: true, colour, width });
const shown = (about: Partial<RevocationReport>, terminal: Terminal = pipe) =>
  reportText({ ...done, ...about }, { cookieCache: null, oauthTokens: 0 }, stylesFor(terminal), terminal);

describe('the report', () => {
  it('has a sentence a line where nobody looks at it', () => {
    expect(`\n${shown({ notFound: ['a', 'b'] })}`).toMatchInlineSnapshot(`
      "
      Ended 12 sessions of 3 users in production, postgresql db.example.com:5432/app.
      Checked again at 2026-11-23T14:00:00.000Z: 0 left.
      2 sessions that match signed in later and are still there: run it again, or with --until-quiet.
      1 OAuth token revoked, 2 offline refresh tokens left.
      Ended too: 1 trusted device.
      Still valid: 3 pending verifications. To end them, add --include verifications.
      Effective since 2026-11-23T14:00:00.000Z.
      Not found: a, b.
      "
    `);
    expect(reportText(done, { cookieCache: null, oauthTokens: 0 }, stylesFor(pipe))).toBe(shown({}));
  });

  it('says first what is not known where the configuration leaves it open', () => {
    const lines = shown({ undeclared: ['cookie_cache', 'secondary_storage'] }).split('\n');
    expect(lines[0]).toBe(
      'Ended 12 sessions of 3 users in production, postgresql db.example.com:5432/app: the rows are gone. Whether anyone is signed out is not known, since the configuration does not say whether the application uses a cookie cache or Redis.',
    );
    expect(lines).toContain(
      'Effective since 2026-11-23T14:00:00.000Z. No cookie cache or Redis is configured; if the application uses them, sessions may stay valid there.',
    );
    expect(shown({ undeclared: ['cookie_cache'] })).toContain('if the application uses one, sessions');
  });

  it.each([40, 80, 132])('is broken at spaces on a terminal of %i columns', (width) => {
    const notFound = Array.from({ length: 40 }, (_, index) => `missing-${String(index)}`);
    const text = shown({ notFound }, screen(width));
    for (const line of text.split('\n')) expect(stringWidth(line), line).toBeLessThanOrEqual(width);
    expect(text.trimEnd().replaceAll('\n', ' ')).toBe(shown({ notFound }).trimEnd().replaceAll('\n', ' '));
  });

  it('marks what counts, however it is broken', () => {
    const { bold, green, yellow } = stylesFor(screen(60, true));
    const lines = shown({}, screen(60, true)).split('\n');
    expect(lines[0]).toContain(bold('Ended 12 sessions of 3 users'));
    expect(lines.join(' ')).toContain(bold(at));
    expect(lines).toContain(green('Checked again at 2026-11-23T14:00:00.000Z: 0 left.'));
    expect(lines).toContain(yellow('2 sessions that match signed in later and are still there:'));
  });

  it('says nothing of OAuth tokens where there were none, and that none was revoked where some should have been', () => {
    const oauthTokens = { revoked: 0, offlineLeft: 0 };
    const about = { ...done, oauthTokens };
    const styles = stylesFor(pipe);
    expect(reportText(about, { cookieCache: null, oauthTokens: 0 }, styles)).not.toContain('OAuth');
    expect(reportText(about, { cookieCache: null, oauthTokens: 3 }, styles)).toContain(
      '0 OAuth tokens revoked',
    );
    expect(shown({ oauthTokens: { revoked: 0, offlineLeft: 1 } })).toContain(
      '0 OAuth tokens revoked, 1 offline',
    );
    expect(shown({ oauthTokens: null })).not.toContain('OAuth');
  });

  it.each([
    [{ revoked: 11, noLongerMatch: 1 }, '1 session of the plan no longer matches and stays valid.'],
    [{ arrivedLater: 1 }, '1 session that matches signed in later and is still there: run it again'],
    [{ arrivedLater: 2 }, '2 sessions that match signed in later and are still there: run it again'],
    [{ remaining: 1 }, '1 session that should be gone is still there.'],
    [{ remaining: 7 }, '7 sessions that should be gone are still there.'],
    [{ revoked: 11 }, '1 other had ended, or no longer matched, before it was reached.'],
    [{ revoked: 10 }, '2 others had ended, or no longer matched, before they were reached.'],
    [{ revoked: 11 }, 'Ended 11 sessions of 12 that were selected in'],
    [{ matched: 1, revoked: 0 }, 'Ended 0 sessions of 1 that was selected in'],
    [{ matched: 1, revoked: 1, users: 1 }, 'Ended 1 session of 1 user in'],
    [{ matched: 1, revoked: 1 }, 'Checked again at 2026-11-23T14:00:00.000Z: it is gone.'],
    [{ remaining: 1, stoppedBecause: 'signal' }, 'Left to be ended: 1 session.'],
    [{ oauthTokens: { revoked: 1, offlineLeft: 1 } }, '1 OAuth token revoked, 1 offline refresh token left.'],
  ] as const)('is right in number: %j', (about, sentence) => {
    expect(shown(about)).toContain(sentence);
  });
});
