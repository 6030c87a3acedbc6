import { addressKey, MAPPED_KEY } from './address.ts';

/**
 * The network that an address lies in, the /24 of IPv4 and the /48 of IPv6, shortest first form.
 * @param beginning an address, or the beginning of one: `203.0.113.` or `2001:0db8:0001`
 * @returns null where it is none
 */
export function networkOf(beginning: string): string | null {
  const whole = beginning.endsWith('.')
    ? `${beginning}0`
    : /^[0-9a-f]{4}:[0-9a-f]{4}:[0-9a-f]{4}$/i.test(beginning)
      ? `${beginning}::`
      : beginning;
  const key = addressKey(whole);
  if (key === undefined) return null;
  if (key.startsWith(MAPPED_KEY)) {
    const octets = [24, 26, 28].map((at) => String(Number.parseInt(key.slice(at, at + 2), 16)));
    return `${octets.join('.')}.0/24`;
  }
  const hextets = [0, 4, 8].map((at) => Number.parseInt(key.slice(at, at + 4), 16).toString(16));
  return `${hextets.join(':').replace(/(?::0)+$/, '')}::/48`;
}
