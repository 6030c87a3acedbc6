import { tzOffset } from '@date-fns/tz';
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
} from '../../src/store/database/schema/time-encoding.ts';

const instants = fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true });
const encodings: readonly (readonly [string, TimeEncoding, number])[] = [
  ['UTC wall clock', wallClock('timestamp', 'UTC', 'mysql timestamp'), 1],
  ['wall clock of an offset', wallClock('timestamp', '+05:30', 'mysql timestamp'), 1],
  ['wall clock of a zone without summer time', wallClock('timestamp', 'Asia/Kolkata', 'mysql timestamp'), 1],
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
    expect(wallClock('timestamp', null, 'mysql timestamp').decode(text)).toBe(instant);
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
    expect(wallClock('timestamp', zone, 'mysql timestamp').decode(text)).toBe(instant);
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
    expect(() => wallClock('timestamp', 'UTC', 'mysql timestamp').decode(value)).toThrow(UnreadableTimeError);
  });
});

describe('a wall clock that somebody deletes by', () => {
  const zones = [
    'America/New_York',
    'America/Los_Angeles',
    'America/St_Johns',
    'America/Santiago',
    'Europe/Berlin',
    'Europe/Lisbon',
    'Africa/Casablanca',
    'Africa/Cairo',
    'Asia/Kolkata',
    'Asia/Kathmandu',
    'Asia/Pyongyang',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'Pacific/Chatham',
    'Antarctica/Casey',
    'Antarctica/Troll',
    'Etc/GMT+12',
    'Etc/GMT-14',
    '+05:30',
    '-09:30',
    'UTC',
  ] as const;
  const hour = 3_600_000;
  const from = Date.UTC(2010, 0, 1);
  const until = Date.UTC(2040, 0, 1);
  const offsetOf = (zone: string, at: number) => tzOffset(zone, new Date(at));

  const week = 7 * 24 * hour;
  /** When the clocks of a zone are changed, to the minute. None of them is changed back within a week. */
  const changesOf = (zone: string) => {
    const changes: number[] = [];
    for (let start = from; start < until; start += week) {
      if (offsetOf(zone, start) === offsetOf(zone, start + week)) continue;
      let [before, after] = [start, start + week];
      while (after - before > 60_000) {
        const middle = before + Math.floor((after - before) / 120_000) * 60_000;
        if (offsetOf(zone, middle) === offsetOf(zone, before)) before = middle;
        else after = middle;
      }
      changes.push(after);
    }
    return changes;
  };

  it.each(zones)('in %s: whatever compares as smaller was earlier, by each of its readings', (zone) => {
    const encoding = wallClock('timestamp', zone, 'mysql timestamp');
    const wallOf = (at: number) => encoding.encode(toInstant(at));
    const changes = changesOf(zone);
    const far = fc.integer({ min: from, max: until });
    // Most of a year nothing happens.
    const near =
      changes.length === 0
        ? far
        : fc
            .tuple(fc.constantFrom(...changes), fc.integer({ min: -5 * hour, max: 5 * hour }))
            .map(([change, off]) => change + off);
    const distance = fc.oneof(
      fc.integer({ min: 0, max: 5 * hour }),
      fc.constantFrom(0, 1, hour / 2, hour - 1, hour, hour + 1, 2 * hour, 3 * hour),
    );
    fc.assert(
      fc.property(fc.oneof(near, far), distance, (now, later) => {
        const bound = encoding.encodeSurely(toInstant(now));
        // A session that is alive at the bound is not smaller, whichever of its hours the clock showed.
        expect(wallOf(now + later) >= bound).toBe(true);
        // And what has been dead for as long as a clock is ever set back is smaller.
        expect(wallOf(now - 4 * hour - later - 1) < bound).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps the hour that is shown twice until it is over for the second time', () => {
    const newYork = wallClock('timestamp', 'America/New_York', 'mysql timestamp');
    const encodeSurely = (instant: ReturnType<typeof toInstant>) => newYork.encodeSurely(instant);
    // 01:30 is 05:30Z and 06:30Z; the clock is set back at 06:00Z.
    expect(encodeSurely(toInstant(Date.parse('2026-11-01T05:30:00.000Z')))).toBe('2026-11-01 00:30:00.000');
    expect(encodeSurely(toInstant(Date.parse('2026-11-01T05:59:59.999Z')))).toBe('2026-11-01 00:59:59.999');
    expect(encodeSurely(toInstant(Date.parse('2026-11-01T06:30:00.000Z')))).toBe('2026-11-01 01:30:00.000');
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
