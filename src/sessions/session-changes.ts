import { millisecondsOf, type Instant } from './instant.ts';
import { matcherOf } from './matcher.ts';
import type { Selection } from './selection.ts';
import type { Session } from './session.ts';

/** What a look at a selection found. */
export interface Sight {
  /** The store's clock at the time. */
  readonly now: Instant;
  readonly selection: Selection;
  readonly sessions: readonly Session[];
  /** They are all that match, not the first of more. */
  readonly isWhole: boolean;
}

/**
 * Why a session is not seen any more: it stands nowhere (`ended`), its time is over (`expired`), or it has changed so that
 * it is not selected (`unmatched`).
 */
export type Departure = 'ended' | 'expired' | 'unmatched';

/** What is different from one look to the next. */
export interface Differences {
  readonly appeared: readonly Session[];
  /** As they are now. */
  readonly changed: readonly Session[];
  /** As they were; whether they have gone, or are merely out of sight, `departureOf` tells. */
  readonly missing: readonly Session[];
}

/** Milliseconds. Applications date sessions by their own clocks. */
const CLOCKS_APART = 5000;

/**
 * Compares two looks. Where only the first of more sessions are seen, others come into sight as those before them go, or as
 * they are used: only those that have signed in since count as having appeared.
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
 * What became of a session that is missing from a look.
 * @param found the session as it is now; undefined where there is none
 * @returns null where it is selected as before, and was only out of sight
 */
export function departureOf(found: Session | undefined, selection: Selection): Departure | null {
  if (found === undefined) return 'ended';
  if (matcherOf(selection)(found)) return null;
  return selection.state === 'active' && found.state === 'expired' ? 'expired' : 'unmatched';
}

function isDifferent(one: Session, other: Session): boolean {
  return JSON.stringify(one) !== JSON.stringify(other);
}
