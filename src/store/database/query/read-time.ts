import type { Instant } from '../../../sessions/instant.ts';
import type { SessionTime } from '../../../sessions/session.ts';
import type { Value } from '../dialects/dialect.ts';
import type { TimeColumn } from '../schema/shape.ts';
import { UnreadableTimeError } from '../schema/time-encoding.ts';

/** A stored time: the moment, or null if it is absent or unreadable; then the error says that it is unreadable. */
export interface ReadTime {
  readonly at: Instant | null;
  readonly error: UnreadableTimeError | null;
}

export function readTime(value: Value | undefined, { encoding }: Pick<TimeColumn, 'encoding'>): ReadTime {
  if (value === null || value === undefined) return ABSENT;
  try {
    return { at: encoding.decode(value), error: null };
  } catch (error) {
    if (error instanceof UnreadableTimeError) return { at: null, error };
    throw error;
  }
}

/** The times of one row, with the names of the unreadable ones. */
export function readTimes(
  row: Readonly<Record<SessionTime, Value | undefined>>,
  table: Readonly<Record<SessionTime, TimeColumn>>,
): Readonly<Record<SessionTime, ReadTime>> & { readonly unreadableTimes: readonly SessionTime[] } {
  const createdAt = readTime(row.createdAt, table.createdAt);
  const updatedAt = readTime(row.updatedAt, table.updatedAt);
  const expiresAt = readTime(row.expiresAt, table.expiresAt);
  if (createdAt.error === null && updatedAt.error === null && expiresAt.error === null)
    return { createdAt, updatedAt, expiresAt, unreadableTimes: [] };
  const times = { createdAt, updatedAt, expiresAt };
  const fields = ['createdAt', 'updatedAt', 'expiresAt'] as const;
  return { ...times, unreadableTimes: fields.filter((field) => times[field].error !== null) };
}

const ABSENT: ReadTime = { at: null, error: null };
