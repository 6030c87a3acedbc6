import { MAPPED_KEY } from './address.ts';

/** The number of hexadecimal digits of an address key that name its network: the /24 of IPv4 and the /48 of IPv6. */
export const NETWORK_DIGITS = { 4: 30, 6: 12 } as const;

/** The beginning of an address key that names its network. */
export function networkDigits(key: string): string {
  return key.slice(0, NETWORK_DIGITS[key.startsWith(MAPPED_KEY) ? 4 : 6]);
}

/** The network that this beginning names: `203.0.113.0/24`, `2001:db8:1::/48`. */
export function networkOf(digits: string): string {
  if (digits.length === NETWORK_DIGITS[4]) {
    const octets = [24, 26, 28].map((at) => String(Number.parseInt(digits.slice(at, at + 2), 16)));
    return `${octets.join('.')}.0/24`;
  }
  const hextets = [0, 4, 8].map((at) => Number.parseInt(digits.slice(at, at + 4), 16).toString(16));
  return `${hextets.join(':').replace(/(?:(?:^|:)0)+$/, '')}::/48`;
}
