import type { EndedBatch, Stretch } from '../../sessions/ending-store.ts';
import type { BatchWork } from './batches.ts';
import type { TableWalk } from './dialects/dialect.ts';

/**
 * A walk from one position to another. An unknown position counts as the beginning of the table, for both: a walk from
 * there to the end covers the whole table, and nothing remains before it.
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

/** For a range without rows. */
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
