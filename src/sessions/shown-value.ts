import { looksLikeCredential } from './credential.ts';

/**
 * The form of a token within any text: 32 letters and digits, in one piece or joined as in a UUID or in base64url. No
 * address, time or number has as many.
 */
const PERHAPS_TOKEN = /(?:[A-Za-z0-9][-_+]?){32}/;

/**
 * The form of a secret as `openssl rand -base64 32` prints it. A path has an ending or other characters in most cases.
 */
const PERHAPS_BASE64 =
  /(?<![\w+/.])(?=[A-Za-z+/]*\d)(?=[a-z\d+/]*[A-Z])(?=[A-Z\d+/]*[a-z])[A-Za-z\d+/]{32,}={0,2}(?![\w+/.-])/;

/** Whether text is, or contains, a possible token or secret. Then it must not be echoed. */
export function mayBeSecret(text: string): boolean {
  return PERHAPS_TOKEN.test(text) || PERHAPS_BASE64.test(text) || looksLikeCredential(text);
}

/** Characters. A longer value may hold a secret that is then cut, and not known as one any more. */
const LONGEST_SHOWN = 200;

/** A refused value, for the error message: in quotes, but neither a possible secret nor a long text. */
export function shownValue(text: string): string {
  return mayBeSecret(text) || text.length > LONGEST_SHOWN ? 'what was given' : JSON.stringify(text);
}

/** The path of a file that is not there, for the error message, unless it may be a secret that was typed instead. */
export function shownPath(path: string): string {
  return mayBeSecret(path) ? 'what was given' : path;
}
