import { millisecondsOf, type Instant } from '../sessions/instant.ts';

const UNITS = [
  { name: 'y', seconds: 31_557_600, from: 2 * 31_557_600 },
  { name: 'd', seconds: 86_400, from: 2 * 86_400 },
  { name: 'h', seconds: 3600, from: 3600 },
  { name: 'm', seconds: 60, from: 60 },
] as const;

/** `3h ago`, `in 6d`, `now`: whole units, rounded towards now, hours up to two days and days up to two years. */
export function relativeTime(instant: Instant, now: Instant): string {
  const milliseconds = millisecondsOf(instant) - millisecondsOf(now);
  const length = shortLength(Math.abs(milliseconds));
  if (length === '0s') return 'now';
  return milliseconds < 0 ? `${length} ago` : `in ${length}`;
}

function shortLength(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const unit = UNITS.find(({ from }) => seconds >= from);
  return unit === undefined
    ? `${String(seconds)}s`
    : `${String(Math.floor(seconds / unit.seconds))}${unit.name}`;
}
