import { looksLikeCredential } from './credential.ts';

/**
 * The form of a token within any text: 32 letters and digits, in one piece or joined as in a UUID or in base64url. No
 * address, time or number has as many.
 */
const PERHAPS_TOKEN = /(?:[A-Za-z0-9][-_+]?){32}/;

/** Whether text is, or contains, a possible token. Then it must not be echoed. */
export function mayBeToken(text: string): boolean {
  return PERHAPS_TOKEN.test(text) || looksLikeCredential(text);
}

/** Characters. The beginning of a longer value is enough. */
const LONGEST_SHOWN = 200;

/** A refused value, for the error message: in quotes, but never a possible token. */
export function shownValue(text: string): string {
  // The whole text is checked, since the cut may go through a token.
  if (mayBeToken(text)) return 'what was given';
  if (text.length <= LONGEST_SHOWN) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, LONGEST_SHOWN))}…`;
}
