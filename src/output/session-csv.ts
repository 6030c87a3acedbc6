import { stringify } from 'csv-stringify/sync';
import type { Session } from '../sessions/session.ts';
import { deviceOf } from './device.ts';
import { safeText } from './safe-text.ts';

const columns = [
  'id', 'userId', 'userEmail', 'userName', 'state', 'createdAt', 'updatedAt', 'lastActiveAt', 'expiresAt', 'ipAddress',
  'userAgent', 'device', 'impersonatedBy', 'store', 'tokenFingerprint',
] as const; // prettier-ignore

/** The header row of `sessionCsv`, with its line feed: the fields of the session object. */
export const csvHeader = `${columns.join(',')}\n`;

/**
 * Sessions as CSV, one line each: absent values are empty, characters that a terminal would obey are written out, and a
 * cell that a spreadsheet would read as a formula begins with an apostrophe.
 */
export function sessionCsv(sessions: readonly Session[]): string {
  const records = sessions.map((session) => columns.map((column) => cell(session, column)));
  return stringify(records, { escape_formulas: true });
}

function cell(session: Session, column: (typeof columns)[number]): string {
  const value = column === 'device' ? deviceOf(session.userAgent) : session[column];
  return value === null ? '' : safeText(value);
}
