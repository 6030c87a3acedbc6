import type { Context } from '../context.ts';
import { counted, inNumber } from '../output/counted.ts';
import { dependsOnTimes, type Selection } from '../sessions/selection.ts';
import type { SessionStore } from '../sessions/session-store.ts';

/** What to do about times that cannot be read. */
export const FIX_TIMES = '`sessionctl doctor` shows them and how to fix them.';

/**
 * Prints on stderr how many sessions have a time that cannot be read, and how many the selection may mean without
 * holding them.
 * @param found how many of those the selection holds
 */
export async function noteUnreadable(
  context: Context,
  store: SessionStore,
  selection: Selection,
  found: number,
): Promise<void> {
  if (found > 0)
    await context.note(
      `note: ${counted(found, 'session')} ${inNumber(found, 'has', 'have')} a time that cannot be read; it counts as unknown. ${FIX_TIMES}`,
    );
  const others = dependsOnTimes(selection)
    ? (await store.lookAgain(selection, 0, 'once')).unreadableTimes
    : 0;
  if (others > 0) await context.note(`note: ${mayMatch(others)}. ${FIX_TIMES}`);
}

/** Sessions that a selection by times may mean, in words. */
export function mayMatch(sessions: number): string {
  return `${counted(sessions, 'more session')} may match: a time that the selection compares is missing or cannot be read`;
}
