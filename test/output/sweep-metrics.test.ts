import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sweepMetrics, type SweepFigures } from '../../src/output/sweep-metrics.ts';

const at = Date.parse('2026-11-23T10:00:00.250Z');
const figures: SweepFigures = {
  target: { profile: 'production', dialect: 'postgresql', database: 'db.example.com:5432/app', redis: null },
  exitCode: 0,
  finishedAt: at,
  durationMs: 1234,
  deleted: 1_200_000,
  verifications: 7,
  remaining: 0,
  kept: 0,
  unreadable: 0,
  batches: 40,
  longestBatchMs: 61,
};

/** The samples of the text format, as a collector reads them; fails for a line that is none. */
function samples(text: string): Readonly<Record<string, number>> {
  expect(text.endsWith('\n')).toBe(true);
  const lines = text.slice(0, -1).split('\n');
  const found = lines
    .filter((line) => !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] =
        /^([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\S+)$/.exec(line) ?? [];
      expect(name, line).not.toBe('');
      expect(Number.isFinite(Number(value)), line).toBe(true);
      expect(labels).toContain('database="');
      return [name, Number(value)] as const;
    });
  // Each is introduced by its help and its type, once.
  for (const [name] of found) {
    expect(lines.filter((line) => line.startsWith(`# HELP ${name} `))).toHaveLength(1);
    expect(lines.filter((line) => line === `# TYPE ${name} gauge`)).toHaveLength(1);
  }
  expect(lines).toHaveLength(found.length * 3);
  return Object.fromEntries(found);
}

describe('the figures of a sweep', () => {
  it('are seconds, counts and an exit code', () => {
    expect(samples(sweepMetrics(figures, ''))).toEqual({
      sessionctl_sweep_last_run_timestamp_seconds: at / 1000,
      sessionctl_sweep_last_success_timestamp_seconds: at / 1000,
      sessionctl_sweep_exit_code: 0,
      sessionctl_sweep_deleted_sessions: 1_200_000,
      sessionctl_sweep_deleted_verifications: 7,
      sessionctl_sweep_remaining_estimate: 0,
      sessionctl_sweep_kept_rows: 0,
      sessionctl_sweep_unreadable_sessions: 0,
      sessionctl_sweep_duration_seconds: 1.234,
      sessionctl_sweep_batches: 40,
      sessionctl_sweep_longest_batch_seconds: 0.061,
    });
  });

  it('say nothing of what nobody knows', () => {
    const text = sweepMetrics({ ...figures, exitCode: 4, remaining: null }, '');
    expect(samples(text)).not.toHaveProperty('sessionctl_sweep_remaining_estimate');
    expect(samples(text)).not.toHaveProperty('sessionctl_sweep_last_success_timestamp_seconds');
  });

  it('keep when the last success was, over any number of failures', () => {
    let text = sweepMetrics(figures, '');
    for (const exitCode of [4, 6, 8, 130] as const) {
      text = sweepMetrics({ ...figures, exitCode, finishedAt: at + 5000 }, text);
      expect(samples(text)).toMatchObject({
        sessionctl_sweep_last_run_timestamp_seconds: at / 1000 + 5,
        sessionctl_sweep_last_success_timestamp_seconds: at / 1000,
        sessionctl_sweep_exit_code: exitCode,
      });
    }
    text = sweepMetrics({ ...figures, finishedAt: at + 9000 }, text);
    expect(samples(text)).toMatchObject({ sessionctl_sweep_last_success_timestamp_seconds: at / 1000 + 9 });
  });

  it.each([
    [
      'of another database',
      sweepMetrics({ ...figures, target: { ...figures.target, database: 'other' } }, ''),
    ],
    ['of another profile', sweepMetrics({ ...figures, target: { ...figures.target, profile: null } }, '')],
    ['that is no number', sweepMetrics(figures, '').replaceAll(String(at / 1000), 'NaN')],
    ['in half a file', sweepMetrics(figures, '').slice(0, 300)],
    ['in something else', 'not metrics\n\0'],
  ])('do not take over a success %s', (_title, before) => {
    const text = sweepMetrics({ ...figures, exitCode: 6 }, before);
    expect(samples(text)).not.toHaveProperty('sessionctl_sweep_last_success_timestamp_seconds');
  });

  it('are whole whatever a database is called, and the last success is found again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (profile, database) => {
        const named = { ...figures, target: { ...figures.target, profile, database } };
        const first = sweepMetrics(named, '');
        samples(first);
        const second = sweepMetrics({ ...named, exitCode: 1, finishedAt: at + 1 }, first);
        expect(samples(second)).toMatchObject({ sessionctl_sweep_last_success_timestamp_seconds: at / 1000 });
      }),
      { numRuns: 30 },
    );
    const awkward = { ...figures.target, profile: 'a"b', database: 'c:\\new\nline' };
    expect(sweepMetrics({ ...figures, target: awkward }, '')).toContain(
      String.raw`{profile="a\"b",database="c:\\new\nline"} `,
    );
  });
});
