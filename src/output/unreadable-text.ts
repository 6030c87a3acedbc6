import { counted, inNumber } from './counted.ts';

/** How many keys in Redis look like sessions and cannot be read, and the consequence. */
export function unreadableText(unreadable: number): string {
  return `${counted(unreadable, 'key')} in Redis ${inNumber(unreadable, 'looks like a session and cannot be read: it is not counted or ended here, and may be valid', 'look like sessions and cannot be read: they are not counted or ended here, and may be valid')}`;
}
