import fc from 'fast-check';
import { expect, test } from 'vitest';
import { millisecondsOf, toInstant, type Instant } from '../../src/sessions/instant.ts';
import { InvalidValueError } from '../../src/sessions/invalid-value.ts';
import { parseMoment, parsePastMoment, resolveMoment } from '../../src/sessions/moment.ts';

const now = '2026-11-23T14:00:00.000Z' as Instant;
const meant = (text: string) => resolveMoment(parseMoment(text), now);

test.each([
  ['2026-11-23', '2026-11-23T00:00:00.000Z'],
  ['2026-11-23T10:00Z', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23T10:00', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23 10:00:01', '2026-11-23T10:00:01.000Z'],
  ['2026-11-23T10:00:01.2Z', '2026-11-23T10:00:01.200Z'],
  ['2026-11-23T10:00:01.123999Z', '2026-11-23T10:00:01.123Z'],
  ['2026-11-23T10:00+05:30', '2026-11-23T04:30:00.000Z'],
  ['2026-11-23T10:00-0500', '2026-11-23T15:00:00.000Z'],
  ['2026-11-23T10:00+02', '2026-11-23T08:00:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['15m', '2026-11-23T13:45:00.000Z'],
  ['7d', '2026-11-16T14:00:00.000Z'],
  ['999999999w', '1970-01-01T00:00:00.000Z'],
])('%s is %s', (text, instant) => {
  expect(meant(text)).toBe(instant);
});

test.each([
  '',
  'yesterday',
  '2026-02-30',
  '2025-02-29',
  '2026-13-01',
  '2026-11-23T24:00Z',
  '2026-11-23T10:60Z',
  '2026-11-23T10:00+15:00',
  '2026-11-23T10Z',
  '23.11.2026',
  '1700000000',
  '-7d',
  '0000-01-01T00:00+02:00',
  '9999-12-31T23:00-02:00',
])('%j is not a time', (text) => {
  expect(() => parseMoment(text)).toThrow(InvalidValueError);
});

test.each(['0s', '0m', '0h', '000d', '0w'])(
  '%s ago is no moment for something to have come after',
  (text) => {
    expect(meant(text)).toBe(now);
    expect(() => parsePastMoment(text)).toThrow(
      expect.objectContaining({
        name: 'InvalidValueError',
        message: `"${text}" ago is now, and nothing has happened since`,
        hint: 'Write how far back it begins, such as 15m, 2h or 7d.',
      }),
    );
  },
);

test.each(['1s', '7d', '2026-11-23', '2026-11-23T10:00Z'])('%s is one', (text) => {
  expect(parsePastMoment(text)).toEqual(parseMoment(text));
});

test('every instant is read as itself, whatever offset it is written with', () => {
  const minutes = fc.integer({ min: -14 * 60 - 59, max: 14 * 60 + 59 });
  const time = fc.integer({ min: Date.parse('0001-01-01'), max: Date.parse('9999-12-30') });
  fc.assert(
    fc.property(time, minutes, (milliseconds, offset) => {
      const wall = new Date(milliseconds + offset * 60_000).toISOString().slice(0, -1);
      const two = (number: number) => String(Math.floor(number)).padStart(2, '0');
      const zone = `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
      expect(meant(wall + zone)).toBe(toInstant(milliseconds));
    }),
  );
});

test('a length goes back from the clock of the store', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), (hours) => {
      const back = millisecondsOf(now) - hours * 3_600_000;
      expect(meant(`${String(hours)}h`)).toBe(toInstant(Math.max(0, back)));
    }),
  );
});
