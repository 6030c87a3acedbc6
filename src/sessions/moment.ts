import { isDuration, parseDuration } from './duration.ts';
import { millisecondsOf, toInstant, type Instant } from './instant.ts';
import { InvalidValueError } from './invalid-value.ts';
import { shownValue } from './shown-value.ts';

/** A moment as an operator gives it: fixed, or a duration before the database's current time. */
export type Moment =
  { readonly kind: 'fixed'; readonly at: Instant } | { readonly kind: 'ago'; readonly milliseconds: number };

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d{2}(?::?\d{2})?)?$/;
const HINT = 'Write 2026-11-23, 2026-11-23T10:00Z, or a duration back from now such as 15m, 2h or 7d.';

/** An offset can lead outside the years that an instant can express. */
const FIRST = Date.parse('0000-01-01T00:00:00.000Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * Reads ISO 8601 (`2026-11-23`, `2026-11-23T10:00Z`, `2026-11-23T10:00:00.000+02:00`) or a duration back from now
 * (`15m`). Without an offset the time is UTC, regardless of the local time zone, so that a command means the same
 * everywhere.
 * @throws InvalidValueError for anything else, such as the 30th of February
 */
export function parseMoment(text: string): Moment {
  if (isDuration(text)) return { kind: 'ago', milliseconds: parseDuration(text) };
  const milliseconds = isoMilliseconds(text);
  if (milliseconds === undefined || milliseconds < FIRST || milliseconds > LAST)
    throw new InvalidValueError(`${shownValue(text)} is not a time`, HINT);
  return { kind: 'fixed', at: toInstant(milliseconds) };
}

/**
 * Like `parseMoment`, for moments in the past: no session was created or used after the current time.
 * @throws InvalidValueError also for a duration of zero, which is the current time
 */
export function parsePastMoment(text: string): Moment {
  const moment = parseMoment(text);
  if (moment.kind === 'ago' && moment.milliseconds === 0) {
    throw new InvalidValueError(
      `${shownValue(text)} ago is now, and nothing has happened since`,
      'Write how far back it begins, such as 15m, 2h or 7d.',
    );
  }
  return moment;
}

/** The instant that a moment means when the database's clock shows `now`. */
export function resolveMoment(moment: Moment, now: Instant): Instant {
  return moment.kind === 'fixed'
    ? moment.at
    : toInstant(Math.max(0, millisecondsOf(now) - moment.milliseconds));
}

function isoMilliseconds(text: string): number | undefined {
  if (DATE.test(text)) return checkedDay(text, Date.parse(`${text}T00:00:00.000Z`));
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [, day = '', minute = '', second = '00', fraction = '', zone = 'Z'] = match;
  const milliseconds = fraction.padEnd(3, '0').slice(0, 3);
  const wall = checkedDay(day, Date.parse(`${day}T${minute}:${second}.${milliseconds}Z`));
  const offset = offsetMinutes(zone);
  return wall === undefined || offset === undefined ? undefined : wall - offset * 60_000;
}

/** `Date.parse` turns 2026-02-30 into a day in March; an operator who types that has made a mistake. */
function checkedDay(day: string, milliseconds: number): number | undefined {
  if (Number.isNaN(milliseconds)) return undefined;
  return new Date(milliseconds).toISOString().startsWith(day) ? milliseconds : undefined;
}

function offsetMinutes(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || '0');
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
