import type { Stretch } from './session-store.ts';

/** Where a sweep stopped, for the next one to go on from there. */
export interface SweepPosition {
  /** The name of the table. */
  readonly table: string;
  /** In the words of the store; null for the beginning of the table. */
  readonly at: string | null;
}

/** A stretch of what a sweep goes through. */
export interface Leg<Place> {
  readonly place: Place;
  readonly stretch: Stretch;
}

/**
 * Once through everything, beginning somewhere: from there to the end of this place, through the ones behind it and those
 * before it, and at last up to where it began. So every place has its turn, however often a sweep is stopped.
 * @param places in their order, the first one included
 * @param at where in the first one it begins; null for its beginning
 */
export function roundFrom<Place>(
  places: readonly Place[],
  first: Place,
  at: string | null,
): readonly Leg<Place>[] {
  const index = places.indexOf(first);
  const whole = (place: Place) => ({ place, stretch: { from: null, until: null } });
  return [
    { place: first, stretch: { from: at, until: null } },
    ...[...places.slice(index + 1), ...places.slice(0, index)].map(whole),
    ...(at === null ? [] : [{ place: first, stretch: { from: null, until: at } }]),
  ];
}
