/** What a token may look like, whatever stands around it. No address, time or number has so many letters in a row. */
const PERHAPS_TOKEN = /[A-Za-z0-9]{32}/;

/** A value that was refused, for the message that refuses it: in quotes, but never what may be a token. */
export function shownValue(text: string): string {
  return PERHAPS_TOKEN.test(text) ? 'what was given' : JSON.stringify(text);
}
