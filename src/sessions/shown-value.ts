import { looksLikeCredential } from './credential.ts';

/**
 * What a token may look like, whatever stands around it: 32 letters and digits, in one piece or joined as in a UUID or in
 * base64url. No address, time or number has so many.
 */
const PERHAPS_TOKEN = /(?:[A-Za-z0-9][-_+]?){32}/;

/** Whether text is, or holds, what may be a token: then it must not be echoed. */
export function mayBeToken(text: string): boolean {
  return PERHAPS_TOKEN.test(text) || looksLikeCredential(text);
}

/** A value that was refused, for the message that refuses it: in quotes, but never what may be a token. */
export function shownValue(text: string): string {
  return mayBeToken(text) ? 'what was given' : JSON.stringify(text);
}
