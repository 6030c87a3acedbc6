import { deviceOf } from '../../src/output/device.ts';
import type { Session } from '../../src/sessions/session.ts';

/** The session object as the command-line contract has it. */
export function contractObject(session: Session): object {
  const { id, userId, userEmail, userName, state, createdAt, updatedAt, lastActiveAt } = session;
  const { expiresAt, ipAddress, userAgent } = session;
  const { impersonatedBy, store, tokenFingerprint } = session;
  const device = deviceOf(userAgent);
  return {
    id, userId, userEmail, userName, state, createdAt, updatedAt, lastActiveAt, expiresAt, ipAddress,
    userAgent, device, impersonatedBy, store, tokenFingerprint,
  }; // prettier-ignore
}
