import type { EndedBatch, Stretch } from '../../sessions/session-store.ts';
import type { BatchWork } from './batches.ts';
import type { TableWalk } from './dialects/dialect.ts';

/**
 * A walk from one place to another. What the walk cannot understand is taken for the beginning of the table, in both
 * places: who goes from there to the end has gone through everything, and has nothing left in front of it.
 * @returns null where nothing lies between the two
 */
export function stretchOf(
  walk: TableWalk,
  { from, until }: Stretch = { from: null, until: null },
): Pick<BatchWork, 'piece' | 'from' | 'write'> | null {
  const read = (text: string | null) => (text === null ? null : walk.read(text));
  const end = read(until);
  if (until !== null && end === null) return null;
  return {
    piece: (start, rows) => walk.piece(start, rows, end),
    from: read(from),
    write: (position) => walk.write(position),
  };
}

/** Of a stretch without any rows. */
export const nothingEnded: EndedBatch = {
  sessions: 0,
  secondary: 0,
  oauthTokens: 0,
  uncertain: false,
  rows: 0,
  milliseconds: 0,
  isLast: true,
  position: null,
};
