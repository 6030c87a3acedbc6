import { toInstant, type Instant } from '../../../sessions/instant.ts';

const GAP = '...';

/**
 * Who holds a lock, in printable ASCII and in so much room. Given up first is the domain of a host, which is known by
 * its first label; then what stands in the middle. The number of the process stays.
 * @param most at least 20 characters
 */
export function fitWho(who: string, most: number): string {
  const plain = who.replace(/[^ -~]+/g, '?');
  if (plain.length <= most) return plain;
  const [, person = '', process = ''] = /^(.*?)(, pid \d{1,7})?$/.exec(plain) ?? [];
  const room = most - process.length;
  const short = person.replace(/(@[^.:@]*[a-z][^.:@]*)\.[^@]*$/i, '$1');
  if (short.length <= room) return short + process;
  const tail = Math.floor((room - GAP.length) / 2);
  return `${short.slice(0, room - GAP.length - tail)}${GAP}${short.slice(-tail)}${process}`;
}

/** What somebody else wrote down as who holds a lock: never more than one printable line. */
export function readWho(text: unknown): string | null {
  return typeof text === 'string' && text.trim() !== '' ? fitWho(text.trim(), 200) : null;
}

/** A moment in ISO 8601, extended or basic, as somebody else wrote it down; null where it is none. */
export function readSince(text: unknown): Instant | null {
  if (typeof text !== 'string') return null;
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/.test(iso)) return null;
  const milliseconds = Date.parse(iso);
  return Number.isNaN(milliseconds) ? null : toInstant(milliseconds);
}
