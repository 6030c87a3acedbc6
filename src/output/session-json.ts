import type { Session } from '../sessions/session.ts';
import { deviceOf } from './device.ts';
import { jsonString } from './json-text.ts';
import { remembered } from './remembered.ts';

/**
 * The session object of the command-line contract, as JSON on one line without a line feed. Built by hand because
 * millions are streamed: most of a row repeats, and the rest is plain.
 */
export function sessionJson(session: Session): string {
  return `{${sessionFieldsJson(session)}}`;
}

/** The fields of the session object without the braces, so that `show` can add its own after them. */
export function sessionFieldsJson(session: Session): string {
  const { createdAt, updatedAt, lastActiveAt, expiresAt, userAgent } = session;
  return (
    `"id":${jsonString(session.id)},"userId":${jsonString(session.userId)}` +
    `,"userEmail":${jsonString(session.userEmail)},"userName":${jsonString(session.userName)}` +
    // Instants and fingerprints are made by the store in one form, and need no escaping.
    `,"state":"${session.state}","createdAt":${quoted(createdAt)},"updatedAt":${quoted(updatedAt)}` +
    `,"lastActiveAt":${quoted(lastActiveAt)},"expiresAt":${quoted(expiresAt)},"ipAddress":${jsonString(session.ipAddress)}` +
    (userAgent === null ? ',"userAgent":null,"device":null' : agentJson(userAgent)) +
    `,"impersonatedBy":${jsonString(session.impersonatedBy)},"store":"${session.store}"` +
    `,"tokenFingerprint":"${session.tokenFingerprint}"`
  );
}

function quoted(plain: string | null): string {
  return plain === null ? 'null' : `"${plain}"`;
}

const agentJson = remembered((userAgent: string) => {
  return `,"userAgent":${jsonString(userAgent)},"device":${jsonString(deviceOf(userAgent))}`;
});
