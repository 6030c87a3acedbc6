import type { Stretch } from './ending-store.ts';

/** Where a sweep stopped, so that the next one can continue from there. */
export interface SweepPosition {
  /** The name of the table. */
  readonly table: string;
  /** In the store's form; null for the beginning of the table. */
  readonly at: string | null;
}

/** A part of a sweep's round. */
export interface Leg<Place> {
  readonly place: Place;
  readonly stretch: Stretch;
}

/**
 * One round through everything from any start: to the end of the first table, through the tables after it and those
 * before it, and finally up to the start. So every table has its turn, however often a sweep is stopped.
 * @param places in their order, including the first one
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
