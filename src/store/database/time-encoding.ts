import { tzOffset } from '@date-fns/tz';
import { toInstant, type Instant } from '../../sessions/instant.ts';

/** A value in a time column that its encoding cannot mean. */
export class UnreadableTimeError extends Error {
  constructor(value: unknown) {
    super(`${JSON.stringify(value)} is not a time in this column's encoding`);
    this.name = 'UnreadableTimeError';
  }
}

/** How one column writes moments. */
export interface TimeEncoding {
  /** In words, for a person. */
  readonly label: string;
  /** False where the column holds a wall clock and nobody said of which zone: UTC is assumed then. */
  readonly zoneKnown: boolean;
  /** The column holds no value yet, so that nothing says how it is written. */
  readonly isEmpty?: true;
  /** The moment fit to be bound and compared with the column. */
  readonly encode: (instant: Instant) => string | number;
  /**
   * As `encode`, but so that whatever compares as smaller is earlier, also in the hour that a clock on the wall shows
   * twice: for who deletes by it.
   */
  readonly encodeSurely: (instant: Instant) => string | number;
  /** @throws UnreadableTimeError */
  decode(value: unknown): Instant;
  /**
   * SQLite columns take values of any type, and one of another encoding would compare as larger or smaller than every
   * moment. This condition (every `??` is the column) finds such values, so that a query surfaces them in place of hiding
   * them. Null where the column's type excludes them.
   */
  readonly foreign: string | null;
}

const WALL_CLOCK = /^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:\+00(?::?00)?)?$/;

/**
 * A date and time without zone, as text, that means the wall clock of a zone. Also a column with a zone, read by a
 * connection that is in UTC.
 */
export function wallClock(label: string, timeZone: string | null): TimeEncoding {
  const zone = timeZone ?? 'UTC';
  const base = { label, zoneKnown: timeZone !== null, foreign: null };
  if (isUtc(zone)) {
    return {
      ...base,
      ...exactly((instant) => instant.slice(0, 23).replace('T', ' ')),
      decode: (value) => utcText(value),
    };
  }
  const offsetAt = hourlyOffsets(zone);
  const wallAt = (milliseconds: number, offset: number) =>
    toInstant(milliseconds + offset * 60_000)
      .slice(0, 23)
      .replace('T', ' ');
  const offsetOf = (milliseconds: number) => tzOffset(zone, new Date(milliseconds));
  return {
    ...base,
    encode: (instant) => wallAt(Date.parse(instant), offsetOf(Date.parse(instant))),
    // A clock that will be set back shows the time from now on again, and means a later moment then.
    encodeSurely: (instant) => {
      const milliseconds = Date.parse(instant);
      return wallAt(milliseconds, Math.min(offsetOf(milliseconds), offsetOf(milliseconds + LARGEST_SHIFT)));
    },
    decode: (value) => {
      const wall = utcText(value);
      return toInstant(Date.parse(wall) - offsetAt(wall) * 60_000);
    },
  };
}

/** Milliseconds. No clock is set back by more. */
const LARGEST_SHIFT = 3 * 3_600_000;

/** For an encoding in which every moment has a form of its own. */
function exactly(
  encode: (instant: Instant) => string | number,
): Pick<TimeEncoding, 'encode' | 'encodeSurely'> {
  return { encode, encodeSurely: encode };
}

/** ISO 8601 text with milliseconds and one constant suffix, `Z` or `+00:00`. */
export function isoText(suffix: 'Z' | '+00:00'): TimeEncoding {
  const form = suffix === 'Z' ? ISO_Z : ISO_OFFSET;
  return {
    label: `text, ISO 8601 with ${suffix}`,
    zoneKnown: true,
    foreign: `(typeof(??) <> 'text' OR length(??) <> ${String(23 + suffix.length)} OR substr(??, 24) <> '${suffix}')`,
    ...exactly((instant) => `${instant.slice(0, 23)}${suffix}`),
    decode: (value) => {
      if (typeof value !== 'string' || !form.test(value)) throw new UnreadableTimeError(value);
      return `${value.slice(0, 23)}Z` as Instant;
    },
  };
}

const ISO_Z = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const ISO_OFFSET = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}\+00:00$/;

/** As seconds this is the year 5138, as milliseconds 1973: no session of either encoding comes near it. */
const SECONDS_END = 100_000_000_000;

/** A whole number of seconds or milliseconds since 1970. */
export function unixTime(unit: 'seconds' | 'milliseconds'): TimeEncoding {
  const factor = unit === 'seconds' ? 1000 : 1;
  const isForeign = (value: number) => (unit === 'seconds' ? value >= SECONDS_END : value < SECONDS_END);
  return {
    label: `integer, ${unit} since 1970`,
    zoneKnown: true,
    foreign: `(typeof(??) <> 'integer' OR ?? ${unit === 'seconds' ? '>=' : '<'} ${String(SECONDS_END)})`,
    // With its fraction: SQLite compares whole and real numbers by value.
    ...exactly((instant) => Date.parse(instant) / factor),
    decode: (value) => {
      if (typeof value !== 'number' || !Number.isInteger(value) || isForeign(value))
        throw new UnreadableTimeError(value);
      return toInstant(value * factor);
    },
  };
}

/** The encoding that one value of an SQLite column is written in, or undefined where it is none of those in use. */
export function recogniseValue(value: unknown): TimeEncoding | undefined {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) {
    return unixTime(value < SECONDS_END ? 'seconds' : 'milliseconds');
  }
  if (typeof value !== 'string') return undefined;
  if (ISO_Z.test(value)) return isoText('Z');
  return ISO_OFFSET.test(value) ? isoText('+00:00') : undefined;
}

/** Rewrites the database's text; a `Date` a value would cost three times as much. */
function utcText(value: unknown): Instant {
  if (typeof value !== 'string' || !WALL_CLOCK.test(value)) throw new UnreadableTimeError(value);
  // PostgreSQL leaves trailing zeros out, and has digits beyond milliseconds.
  const fraction = value[19] === '.' ? /^\d{1,3}/.exec(value.slice(20, 23))?.[0] : '';
  return `${value.slice(0, 10)}T${value.slice(11, 19)}.${(fraction ?? '').padEnd(3, '0')}Z` as Instant;
}

function isUtc(zone: string): boolean {
  return /^(?:UTC|Etc\/UTC|GMT|Z|[+-]00:?00)$/i.test(zone);
}

/**
 * The zone's offset in minutes at a wall clock, remembered by the quarter of an hour, in which no zone changes. A wall
 * clock that occurs twice (autumn) means its first occurrence; one that never occurs (spring) means the hour after.
 */
function hourlyOffsets(zone: string): (wall: Instant) => number {
  const known = new Map<string, number>();
  return (wall) => {
    const quarter = wall.slice(0, 14) + String(Math.floor(Number(wall.slice(14, 16)) / 15));
    const remembered = known.get(quarter);
    if (remembered !== undefined) return remembered;
    const asUtc = Date.parse(wall);
    const before = tzOffset(zone, new Date(asUtc - 86_400_000));
    const fits = tzOffset(zone, new Date(asUtc - before * 60_000)) === before;
    const offset = fits ? before : tzOffset(zone, new Date(asUtc + 86_400_000));
    if (known.size >= 100_000) known.clear();
    known.set(quarter, offset);
    return offset;
  };
}
