import { toInstant, type Instant } from '../../../sessions/instant.ts';

const GAP = '...';

/**
 * The holder of a lock in printable ASCII of limited length. A long text first loses the domain of the host, whose
 * first label identifies it, then its middle. The process number stays.
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

/** The lock holder that another run wrote down, as at most one printable line. */
export function readWho(text: unknown): string | null {
  return typeof text === 'string' && text.trim() !== '' ? fitWho(text.trim(), 200) : null;
}

/** A moment in ISO 8601, extended or basic, that another run wrote down; null if it is not one. */
export function readSince(text: unknown): Instant | null {
  if (typeof text !== 'string') return null;
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/.test(iso)) return null;
  const milliseconds = Date.parse(iso);
  return Number.isNaN(milliseconds) ? null : toInstant(milliseconds);
}
