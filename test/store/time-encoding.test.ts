import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { toInstant } from '../../src/sessions/instant.ts';
import {
  isoText,
  recogniseValue,
  unixTime,
  UnreadableTimeError,
  wallClock,
  type TimeEncoding,
} from '../../src/store/database/time-encoding.ts';

const instants = fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true });
const encodings: readonly (readonly [string, TimeEncoding, number])[] = [
  ['UTC wall clock', wallClock('timestamp', 'UTC'), 1],
  ['wall clock of an offset', wallClock('timestamp', '+05:30'), 1],
  ['wall clock of a zone without summer time', wallClock('timestamp', 'Asia/Kolkata'), 1],
  ['ISO with Z', isoText('Z'), 1],
  ['ISO with +00:00', isoText('+00:00'), 1],
  ['milliseconds', unixTime('milliseconds'), 1],
  ['seconds', unixTime('seconds'), 1000],
];

test.each(encodings)('%s: what is encoded decodes to the same', (_name, encoding, precision) => {
  fc.assert(
    fc.property(instants, (date) => {
      const instant = toInstant(Math.floor(date.getTime() / precision) * precision);
      expect(encoding.decode(encoding.encode(instant))).toBe(instant);
    }),
  );
});

test.each(encodings)('%s: encoded moments are ordered as moments are', (_name, encoding) => {
  fc.assert(
    fc.property(instants, instants, (a, b) => {
      fc.pre(a.getTime() !== b.getTime());
      const [earlier, later] = [a, b]
        .sort((x, y) => x.getTime() - y.getTime())
        .map((date) => toInstant(date.getTime()));
      if (earlier === undefined || later === undefined) throw new Error('two moments');
      expect(encoding.encode(earlier) < encoding.encode(later)).toBe(true);
    }),
  );
});

describe('a wall clock', () => {
  it.each([
    ['2026-11-23 10:00:00', '2026-11-23T10:00:00.000Z'],
    ['2026-11-23 10:00:00+00', '2026-11-23T10:00:00.000Z'],
    ['2026-11-23 10:00:00.4+00', '2026-11-23T10:00:00.400Z'],
    ['2026-11-23 10:00:00.04', '2026-11-23T10:00:00.040Z'],
    ['2026-11-23 10:00:00.417999+00', '2026-11-23T10:00:00.417Z'],
  ])('%s in UTC is %s', (text, instant) => {
    expect(wallClock('timestamp', null).decode(text)).toBe(instant);
  });

  it.each([
    ['America/New_York', '2026-07-01 06:00:00', '2026-07-01T10:00:00.000Z'],
    ['America/New_York', '2026-12-01 06:00:00', '2026-12-01T11:00:00.000Z'],
    // 01:30 comes twice that night; the first one is meant.
    ['America/New_York', '2026-11-01 01:30:00', '2026-11-01T05:30:00.000Z'],
    ['America/New_York', '2026-11-01 02:00:00', '2026-11-01T07:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-07-01 00:00:00', '2026-06-30T13:30:00.000Z'],
    ['Asia/Kathmandu', '2026-07-01 05:45:00', '2026-07-01T00:00:00.000Z'],
    ['-03:30', '2026-07-01 00:00:00', '2026-07-01T03:30:00.000Z'],
  ])('in %s: %s is %s', (zone, text, instant) => {
    expect(wallClock('timestamp', zone).decode(text)).toBe(instant);
  });

  it.each([
    'infinity',
    '-infinity',
    '0044-03-15 00:00:00+00 BC',
    '10000-01-01 00:00:00',
    '',
    '2026-11-23',
    1,
    null,
  ])('%j is refused', (value) => {
    expect(() => wallClock('timestamp', 'UTC').decode(value)).toThrow(UnreadableTimeError);
  });
});

describe('a value of SQLite', () => {
  it.each([
    ['2026-11-30T13:16:17.418Z', 'text, ISO 8601 with Z'],
    ['2026-11-30T13:16:17.418+00:00', 'text, ISO 8601 with +00:00'],
    [1_795_958_400_000, 'integer, milliseconds since 1970'],
    [1_795_958_400, 'integer, seconds since 1970'],
  ])('%j is %s', (value, label) => {
    expect(recogniseValue(value)?.label).toBe(label);
  });

  it.each([
    '2026-11-30T13:16:17Z',
    '2026-11-30 13:16:17',
    '2026-11-30T13:16:17.418+05:30',
    1.5,
    -1,
    0,
    '',
    true,
  ])('%j is none that is known', (value) => {
    expect(recogniseValue(value)).toBeUndefined();
  });
});
