/**
 * A moment as ISO 8601 in UTC with milliseconds, `2026-11-23T10:00:00.000Z`. All instants are text of one length, so
 * they sort as strings, print as they are, and stream without a `Date` for each row.
 */
export type Instant = string & { readonly __instant: unique symbol };

/** @param milliseconds since 1970-01-01T00:00Z, within the years 0000 to 9999 */
export function toInstant(milliseconds: number): Instant {
  return new Date(milliseconds).toISOString() as Instant;
}

/** Milliseconds since 1970-01-01T00:00Z. */
export function millisecondsOf(instant: Instant): number {
  return Date.parse(instant);
}

/** Rounded down, since columns of whole seconds would round up, into the future. */
export function wholeSecond(instant: Instant): Instant {
  return toInstant(Math.floor(millisecondsOf(instant) / 1000) * 1000);
}
