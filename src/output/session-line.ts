import type { Instant } from '../sessions/instant.ts';
import type { Session } from '../sessions/session.ts';
import { deviceOf } from './device.ts';
import { terminalText } from './fit-text.ts';
import { relativeTime } from './relative-time.ts';
import { shortAddress } from './short-address.ts';

/**
 * A session on one line of a list to choose from: the device, the address, the last activity; and the text that a
 * filter searches.
 */
export function sessionLine(
  session: Session,
  now: Instant,
): { readonly line: string; readonly searched: string } {
  const { id, userAgent, lastActiveAt, state } = session;
  const address = shortAddress(session.ipAddress) ?? '';
  const parts = [
    deviceOf(userAgent) ?? 'unknown device',
    address === '' ? 'no address' : address,
    lastActiveAt === null ? 'activity unknown' : `active ${relativeTime(lastActiveAt, now)}`,
    ...(state === 'expired' ? ['expired'] : []),
    id,
  ];
  return {
    line: parts.map(terminalText).join('  '),
    searched: [...parts, userAgent ?? '', session.userEmail ?? ''].join(' '),
  };
}
