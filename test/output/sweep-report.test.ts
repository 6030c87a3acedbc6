import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { stylesFor, type Terminal } from '../../src/output/styles.ts';
import { sweepLine, type SweepReport } from '../../src/output/sweep-report.ts';
import type { Instant } from '../../src/sessions/instant.ts';

const at = '2026-11-23T14:00:00.000Z' as Instant;

const done: SweepReport = {
  command: 'sweep',
  runId: 'run-1',
  dryRun: false,
  target: { profile: 'production', dialect: 'postgresql', database: 'db.example.com:5432/app', redis: null },
  deleted: 1_199_020,
  users: null,
  remaining: 0,
  notFound: [],
  secondary: null,
  oauthTokens: null,
  kept: 0,
  batches: 61,
  startedAt: at,
  finishedAt: at,
  durationMs: 2100,
  stoppedBecause: 'complete',
  effectiveAt: null,
  expiredBy: at,
  graceMs: 0,
  verifications: null,
  remainingVerifications: null,
  longestBatchMs: 48,
  way: 'walk',
  unreadable: 0,
  uncertain: false,
};

const pipe: Terminal = { interactive: false, colour: false, width: Number.POSITIVE_INFINITY };
const screen = (width: number, colour = false): Terminal => ({ interactive: true, colour, width });
const shown = (about: Partial<SweepReport>, terminal: Terminal = pipe) =>
  sweepLine({ ...done, ...about }, stylesFor(terminal), terminal);

describe('what a sweep says of itself', () => {
  it('is one line where nobody looks at it', () => {
    expect(shown({})).toBe(
      'complete: 1,199,020 expired sessions deleted, 0 left, 2.1 s, 61 batches, the longest 48 ms (production, postgresql db.example.com:5432/app)\n',
    );
    expect(shown({ dryRun: true, remaining: 3 })).toBe(
      'dry run: 3 rows that had expired by 2026-11-23T14:00:00.000Z would be deleted from production, postgresql db.example.com:5432/app\n',
    );
    expect(sweepLine(done, stylesFor(pipe))).toBe(shown({}));
  });

  it.each([30, 80, 132])('is broken at spaces on a terminal of %i columns', (width) => {
    for (const about of [{}, { dryRun: true }]) {
      const text = shown(about, screen(width));
      for (const line of text.split('\n')) expect(stringWidth(line), line).toBeLessThanOrEqual(width);
      expect(text.trimEnd().replaceAll('\n', ' ')).toBe(shown(about).trimEnd());
    }
  });

  it('colours why it stopped, and nothing else', () => {
    const { green, yellow } = stylesFor(screen(80, true));
    expect(shown({}, screen(80, true))).toBe(shown({}, screen(80)).replace('complete', green('complete')));
    const stopped = { stoppedBecause: 'max-runtime' } as const;
    expect(shown(stopped, screen(80, true))).toContain(`${yellow('max-runtime')}: 1,199,020`);
    expect(shown({ dryRun: true }, screen(80, true))).toBe(shown({ dryRun: true }, screen(80)));
  });
});
