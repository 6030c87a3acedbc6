import { describe, expect, it } from 'vitest';
import { parseSweep, type SweepFlags } from '../../src/commands/sweep/sweep-options.ts';
import { UsageError } from '../../src/errors.ts';
import { InvalidValueError } from '../../src/sessions/invalid-value.ts';

const nothing = {
  grace: null,
  batchSize: null,
  pause: 0,
  limit: null,
  maxRuntime: null,
  maxLag: null,
  wait: 0,
  metricsFile: null,
  verifications: false,
  offline: false,
  vacuum: false,
  dryRun: false,
  words: 'expired',
};

describe('what a sweep is asked for', () => {
  it('is everything that has expired, at once, where nothing is said', () => {
    expect(parseSweep({})).toEqual(nothing);
  });

  it('is read to the millisecond and to the row', () => {
    expect(
      parseSweep({
        grace: '7d',
        batchSize: '500',
        pause: '200ms',
        limit: '1',
        maxRuntime: '10m',
        maxLag: '10s',
        wait: '90s',
        metricsFile: 'a.prom',
        verifications: true,
      }),
    ).toEqual({
      ...nothing,
      grace: 604_800_000,
      batchSize: 500,
      pause: 200,
      limit: 1,
      maxRuntime: 600_000,
      maxLag: 10_000,
      wait: 90_000,
      metricsFile: 'a.prom',
      verifications: true,
      words: 'expired --grace 7d --limit 1 --max-runtime 10m --verifications',
    });
    expect(parseSweep({ grace: '0s' })).toMatchObject({ grace: 0, words: 'expired --grace 0s' });
    expect(parseSweep({ offline: true, vacuum: true })).toMatchObject({
      words: 'expired --offline --vacuum',
    });
  });

  it.each<[string, SweepFlags]>([
    ['--grace', { grace: '7' }],
    ['--grace', { grace: '-1d' }],
    ['--grace', { grace: '' }],
    ['--pause', { pause: '1.5s' }],
    ['--max-runtime', { maxRuntime: '2 h' }],
    ['--max-runtime', { maxRuntime: '30d' }],
    ['--max-runtime', { maxRuntime: '0s' }],
    ['--max-runtime', { maxRuntime: '0ms' }],
    ['--pause', { pause: '4w' }],
    ['--wait', { wait: 'long' }],
    ['--max-lag', { maxLag: '500ms' }],
    ['--limit', { limit: '0' }],
    ['--limit', { limit: '1e3' }],
    ['--limit', { limit: '-5' }],
    ['--batch-size', { batchSize: '0' }],
    ['--batch-size', { batchSize: '100001' }],
    ['--metrics-file', { metricsFile: ' ' }],
  ])('%s: %j is refused', (option, flags) => {
    const parse = () => parseSweep(flags);
    expect(parse).toThrow(InvalidValueError);
    expect(parse).toThrow(option);
  });

  it.each<SweepFlags>([{ pause: '1' }, { grace: '1' }, { maxRuntime: '1' }, { wait: '1' }])(
    '%j is told of milliseconds, too',
    (flags) => {
      expect(() => parseSweep(flags)).toThrow(
        expect.objectContaining({ hint: expect.stringContaining('200ms') as unknown }) as Error,
      );
    },
  );

  it.each<[SweepFlags, RegExp]>([
    [{ offline: true, limit: '5' }, /--limit cannot end it/],
    [{ offline: true, batchSize: '5' }, /--batch-size cannot slow it down/],
    [{ offline: true, pause: '5s' }, /--pause cannot slow it down/],
    [{ offline: true, maxRuntime: '5s' }, /--max-runtime cannot end it/],
    [{ vacuum: true }, /--vacuum .* needs --offline/],
    [{ vacuum: true, dryRun: true }, /--vacuum/],
  ])('%j contradicts itself', (flags, message) => {
    const parse = () => parseSweep(flags);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });
});
