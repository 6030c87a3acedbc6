import { tzOffset } from '@date-fns/tz';
import { toInstant, type Instant } from '../../../sessions/instant.ts';

/** A value in a time column that its encoding cannot represent, or a year outside 0001 to 9999. */
export class UnreadableTimeError extends Error {
  /** The value lies before the year 1: PostgreSQL's `-infinity` and dates BC. */
  readonly isPast: boolean;

  constructor(value: unknown) {
    super(`${JSON.stringify(value)} is not a time in this column's encoding`);
    this.name = 'UnreadableTimeError';
    this.isPast = typeof value === 'string' && /^-infinity$| BC$/.test(value);
  }
}

/** How one column stores moments. */
export interface TimeEncoding {
  /** A description for a reader. */
  readonly label: string;
  /** The zone of the wall clock that the column shows; null where every value means one moment by itself. */
  readonly zone: string | null;
  /** False where the column holds a wall clock and no zone is configured: then UTC is assumed. */
  readonly zoneKnown: boolean;
  /** The column holds no value yet, so its format is unknown. */
  readonly isEmpty?: true;
  /** The column holds values, but none in a known format. `isEmpty` is true as well. */
  readonly isUnreadable?: true;
  /** The moment in a form that can be bound and compared with the column. */
  readonly encode: (instant: Instant) => string | number;
  /**
   * Like `encode`, but every value that compares as smaller is certainly earlier, even in the hour that a wall clock
   * shows twice. Deletions use it.
   */
  readonly encodeSurely: (instant: Instant) => string | number;
  /** @throws UnreadableTimeError */
  decode(value: unknown): Instant;
  /**
   * A condition that finds the values that `decode` refuses; every `??` is the column. Never true for NULL. Such a
   * value may compare as larger or smaller than any moment.
   */
  readonly unreadable: string;
  /**
   * SQL that reads a date and time from text in the column, `??`, and writes it in this encoding; null where none is
   * needed.
   */
  readonly fromText: string | null;
  /** The database compares even unreadable values by their meaning: `infinity` is later than every moment. */
  readonly comparesUnreadable: boolean;
}

const DAY = String.raw`(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])`;
const HOUR = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d`;
const WALL_CLOCK = new RegExp(String.raw`^${DAY}[ T]${HOUR}(?:\.\d{1,6})?(?:\+00(?::?00)?)?$`);

/** Values that a database's own time type can hold and ISO 8601 cannot express. */
export const unreadableTimes = {
  /** `infinity`, `-infinity`, and years before 1 and after 9999. */
  postgresql: `(?? < '0001-01-01 00:00:00+00' OR ?? > '9999-12-31 23:59:59.999999+00')`,
  /** Only the zero date; the type begins in 1970. */
  'mysql timestamp': `?? < '1970-01-02 00:00:00'`,
  /** The zero date, and dates with a part that is zero. */
  'mysql datetime': `(?? < '0001-01-01 00:00:00' OR MONTH(??) = 0 OR DAYOFMONTH(??) = 0)`,
} as const;

/**
 * A date and time without zone, as text, that means the wall clock of a zone. Also used for a column with a zone, read
 * by a connection in UTC.
 */
export function wallClock(
  label: string,
  timeZone: string | null,
  type: keyof typeof unreadableTimes,
): TimeEncoding {
  const zone = timeZone ?? 'UTC';
  const base = {
    label,
    zone,
    zoneKnown: timeZone !== null,
    unreadable: unreadableTimes[type],
    comparesUnreadable: type === 'postgresql',
    fromText: null,
  };
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
    // A clock that will be set back shows the current time again later, and then means a later moment.
    encodeSurely: (instant) => {
      const milliseconds = Date.parse(instant);
      return wallAt(milliseconds, Math.min(offsetOf(milliseconds), offsetOf(milliseconds + LARGEST_SHIFT)));
    },
    decode: (value) => {
      const wall = utcText(value);
      return toInstant(Math.min(LATEST, Date.parse(wall) - offsetAt(wall) * 60_000));
    },
  };
}

/** The end of the year 9999, which some applications use for "never". */
const LATEST = 253_402_300_799_999;

/** A date and time with its offset, as text: it means the same moment in any zone of the connection. */
export function withOffset(label: string): TimeEncoding {
  return {
    label,
    zone: null,
    zoneKnown: true,
    unreadable: unreadableTimes.postgresql,
    comparesUnreadable: true,
    fromText: null,
    ...exactly((instant) => `${instant.slice(0, 23).replace('T', ' ')}+00`),
    decode: (value) => {
      const [, wall, sign, hours, minutes = '0', seconds = '0'] =
        (typeof value === 'string' ? WITH_OFFSET.exec(value) : null) ?? [];
      if (wall === undefined) throw new UnreadableTimeError(value);
      const moment = utcText(wall);
      const offset = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
      if (offset === 0) return moment;
      return toInstant(Math.min(LATEST, Date.parse(moment) - (sign === '-' ? -offset : offset)));
    },
  };
}

const WITH_OFFSET =
  /^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)([+-])(\d{2})(?::(\d{2})(?::(\d{2}))?)?$/;

/** Milliseconds. No clock is set back by more. */
const LARGEST_SHIFT = 3 * 3_600_000;

/** For an encoding in which every moment has its own form. */
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
    zone: null,
    zoneKnown: true,
    unreadable: `(?? IS NOT NULL AND (typeof(??) <> 'text' OR ?? NOT GLOB '${GLOB}${suffix}' OR julianday(??) IS NULL))`,
    comparesUnreadable: false,
    fromText: `strftime('%Y-%m-%dT%H:%M:%f${suffix}', ??)`,
    ...exactly((instant) => `${instant.slice(0, 23)}${suffix}`),
    decode: (value) => {
      if (typeof value !== 'string' || !form.test(value)) throw new UnreadableTimeError(value);
      return `${value.slice(0, 23)}Z` as Instant;
    },
  };
}

const ISO_Z = new RegExp(String.raw`^${DAY}T${HOUR}\.\d{3}Z$`);
const ISO_OFFSET = new RegExp(String.raw`^${DAY}T${HOUR}\.\d{3}\+00:00$`);
/** The same forms, for SQLite. */
const GLOB = 'dddd-dd-ddTdd:dd:dd.ddd'.replaceAll('d', '[0-9]');

/** In seconds this is the year 5138, in milliseconds 1973: no session in either encoding comes near it. */
const SECONDS_END = 100_000_000_000;
/** In seconds this is 1973. Smaller numbers have another meaning, such as Julian days. */
const SECONDS_BEGIN = 100_000_000;

/** Seconds or milliseconds since 1970, with a fraction or without. */
export function unixTime(unit: 'seconds' | 'milliseconds'): TimeEncoding {
  const factor = unit === 'seconds' ? 1000 : 1;
  const [first, end] = unit === 'seconds' ? [SECONDS_BEGIN, SECONDS_END] : [SECONDS_END, LATEST + 1];
  return {
    label: `integer, ${unit} since 1970`,
    zone: null,
    zoneKnown: true,
    unreadable: `(typeof(??) NOT IN ('integer', 'real', 'null') OR ?? < ${String(first)} OR ?? >= ${String(end)})`,
    comparesUnreadable: false,
    fromText: `CAST(strftime('%s', ??) AS integer)${unit === 'seconds' ? '' : ' * 1000'}`,
    // With its fraction: SQLite compares whole and real numbers by value.
    ...exactly((instant) => Date.parse(instant) / factor),
    decode: (value) => {
      if (typeof value !== 'number' || !(value >= first && value < end)) throw new UnreadableTimeError(value);
      return toInstant(Math.floor(value * factor));
    },
  };
}

/** The encoding of one value in a SQLite column, or undefined where it is not a supported one. */
export function recogniseValue(value: unknown): TimeEncoding | undefined {
  if (typeof value === 'number' && value >= SECONDS_BEGIN && value <= LATEST) {
    return unixTime(value < SECONDS_END ? 'seconds' : 'milliseconds');
  }
  if (typeof value !== 'string') return undefined;
  if (ISO_Z.test(value)) return isoText('Z');
  return ISO_OFFSET.test(value) ? isoText('+00:00') : undefined;
}

/** Rewrites the database's text; creating a `Date` for each value would cost three times as much. */
function utcText(value: unknown): Instant {
  if (typeof value !== 'string' || !WALL_CLOCK.test(value)) throw new UnreadableTimeError(value);
  // PostgreSQL omits trailing zeros, and has digits beyond milliseconds.
  const fraction = value[19] === '.' ? /^\d{1,3}/.exec(value.slice(20, 23))?.[0] : '';
  return `${value.slice(0, 10)}T${value.slice(11, 19)}.${(fraction ?? '').padEnd(3, '0')}Z` as Instant;
}

function isUtc(zone: string): boolean {
  return /^(?:UTC|Etc\/UTC|GMT|Z|[+-]00:?00)$/i.test(zone);
}

/**
 * The zone's offset in minutes at a wall clock, cached by the quarter hour, within which no zone changes. A wall clock
 * that occurs twice (autumn) means its first occurrence; one that never occurs (spring) means the hour after.
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
