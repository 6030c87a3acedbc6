import { millisecondsOf, type Instant } from './instant.ts';
import { matcherOf } from './matcher.ts';
import type { Selection } from './selection.ts';
import type { Session } from './session.ts';

/** The result of one check of a selection. */
export interface Sight {
  /** The store's clock at the time. */
  readonly now: Instant;
  readonly selection: Selection;
  readonly sessions: readonly Session[];
  /** They are all that match, not the first of more. */
  readonly isWhole: boolean;
}

/**
 * Why a session is no longer seen: it is in no store (`ended`), it has expired (`expired`), or it has changed so that
 * it is not selected (`unmatched`).
 */
export type Departure = 'ended' | 'expired' | 'unmatched';

/** The differences between two checks. */
export interface Differences {
  readonly appeared: readonly Session[];
  /** As they are now. */
  readonly changed: readonly Session[];
  /** As they were; `departureOf` finds out whether they are gone or only out of view. */
  readonly missing: readonly Session[];
}

/** Milliseconds. Applications date sessions by their own clocks. */
const CLOCKS_APART = 5000;

/**
 * Compares two checks. If only the first of more sessions are seen, others come into view when those before them go, or
 * when they are used. So only sessions that have signed in since count as new.
 */
export function differencesBetween(before: Sight, after: Sight): Differences {
  const known = new Map(before.sessions.map((session) => [session.id, session]));
  const appeared: Session[] = [];
  const changed: Session[] = [];
  const since = millisecondsOf(before.now) - CLOCKS_APART;
  const isSince = (moment: Instant | null) => moment !== null && millisecondsOf(moment) >= since;
  for (const session of after.sessions) {
    const was = known.get(session.id);
    known.delete(session.id);
    if (was === undefined) {
      if (before.isWhole || isSince(session.createdAt)) appeared.push(session);
      else if (isSince(session.lastActiveAt)) changed.push(session);
    } else if (isDifferent(was, session)) changed.push(session);
  }
  return { appeared, changed, missing: [...known.values()] };
}

/**
 * The reason why a session is missing from a check.
 * @param found the session as it is now; undefined if it no longer exists
 * @returns null where it is still selected, and was only out of view
 */
export function departureOf(found: Session | undefined, selection: Selection): Departure | null {
  if (found === undefined) return 'ended';
  if (matcherOf(selection)(found)) return null;
  return selection.state === 'active' && found.state === 'expired' ? 'expired' : 'unmatched';
}

function isDifferent(one: Session, other: Session): boolean {
  return JSON.stringify(one) !== JSON.stringify(other);
}
