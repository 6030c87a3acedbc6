import type { Instant } from '../sessions/instant.ts';
import type { Departure } from '../sessions/session-changes.ts';
import type { Session } from '../sessions/session.ts';
import { deviceOf } from './device.ts';
import { terminalText } from './fit-text.ts';
import { sessionJson } from './session-json.ts';
import { shortAddress } from './short-address.ts';
import { userOf } from './user-of.ts';

/** A difference that a check of the sessions found; for the first check, every session. */
export interface SessionChange {
  readonly change: 'present' | 'appeared' | 'changed' | 'gone';
  /** Why it is gone; else null. */
  readonly because: Departure | null;
  /** As it is, or was. */
  readonly session: Session;
}

/** The marks of changed sessions. */
export const marks = { present: ' ', appeared: '+', changed: '~', gone: '-' } as const satisfies Record<
  SessionChange['change'],
  string
>;

/** @param at the store's clock. @returns one line of JSON, with its line feed */
export function changeJson(at: Instant, { change, because, session }: SessionChange): string {
  const reason = because === null ? 'null' : `"${because}"`;
  return `{"at":"${at}","change":"${change}","because":${reason},"session":${sessionJson(session)}}\n`;
}

/** For a terminal whose lines cannot be redrawn. */
export function changeLine(at: Instant, { change, because, session }: SessionChange): string {
  const { id, ipAddress, userAgent } = session;
  const parts = [
    clockTime(at),
    `${marks[change]} ${because ?? change}`,
    id,
    userOf(session),
    shortAddress(ipAddress) ?? '',
    deviceOf(userAgent) ?? '',
  ];
  return `${parts
    .map(terminalText)
    .filter((part) => part !== '')
    .join('  ')}\n`;
}

/** `21:40:03`, in UTC as every time that is written out. */
export function clockTime(at: Instant): string {
  return at.slice(11, 19);
}
