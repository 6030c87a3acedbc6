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

/** Characters. Of a longer value the beginning says enough. */
const LONGEST_SHOWN = 200;

/** A value that was refused, for the message that refuses it: in quotes, but never what may be a token. */
export function shownValue(text: string): string {
  // Looked at as a whole: the cut may go through a token.
  if (mayBeToken(text)) return 'what was given';
  if (text.length <= LONGEST_SHOWN) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, LONGEST_SHOWN))}…`;
}
