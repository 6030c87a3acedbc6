import ipaddr from 'ipaddr.js';
import { InvalidValueError } from './invalid-value.ts';
import { shownValue } from './shown-value.ts';

/**
 * A network, or a single address as the network that contains only that address. `first` and `last` are address keys:
 * 32 lower-case hexadecimal digits, IPv4 as its mapped IPv6 address, so that keys sort like addresses.
 */
export interface AddressRange {
  readonly first: string;
  readonly last: string;
  readonly family: 4 | 6;
  /** Fixed bits, of 32 for IPv4 and of 128 for IPv6. */
  readonly prefixLength: number;
}

/** Bytes. A longer text is not an address. Patterns are not tried on it, since some take quadratic time. */
export const LONGEST_ADDRESS = 1000;

const IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
const HINT = 'Write an address or a network: 203.0.113.7, 203.0.113.0/24, 2001:db8::/32.';

/**
 * The values of Better Auth's `advanced.ipAddress.ipv6Subnet`: it masks an IPv6 address to this many bits before it
 * stores it.
 */
export const ipv6Subnets = [32, 48, 64, 128] as const;
export type Ipv6Subnet = (typeof ipv6Subnets)[number];

/** The key of an address, or undefined if the text is not one: empty, invalid, with a zone or a port. */
export function addressKey(text: string): string | undefined {
  return parseAddress(text)?.key;
}

/**
 * Reads an address or a CIDR network. Host bits after the prefix are ignored.
 * @throws InvalidValueError where the text is neither
 */
export function parseAddressRange(text: string): AddressRange {
  const [base = '', prefix, ...rest] = text.split('/');
  const address = parseAddress(base);
  // The prefix of a mapped address, ::ffff:203.0.113.0/120, counts the 96 bits before the IPv4 address.
  const before = address?.family === 4 && base.includes(':') ? 96 : 0;
  const bits = address?.family === 6 ? 128 : 32;
  const length =
    prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) - before : Number.NaN;
  if (address === undefined || rest.length > 0 || !(length >= 0 && length <= bits)) {
    throw new InvalidValueError(`${shownValue(text)} is not an IP address or network`, HINT);
  }
  return rangeOf(address.key, address.family, length);
}

/** The IPv6 network of at most this many bits that contains the range. A range that is not narrower stays as it is. */
export function widenRange(range: AddressRange, bits: number): AddressRange {
  return range.family === 4 || range.prefixLength <= bits ? range : rangeOf(range.first, 6, bits);
}

/** Keys of IPv4 addresses begin with this: ::ffff:0:0/96. */
export const MAPPED_KEY = '00000000000000000000ffff';
const MAPPED_PREFIX = 96;
const FIRST_MAPPED = `${MAPPED_KEY}00000000`;
const LAST_MAPPED = `${MAPPED_KEY}ffffffff`;

/** Whether the address with this key lies in the range. An IPv4 address lies in no IPv6 network, not even in ::/0. */
export function rangeHolds(range: AddressRange, key: string): boolean {
  const family = key.startsWith(MAPPED_KEY) ? 4 : 6;
  return family === range.family && key >= range.first && key <= range.last;
}

/** Consecutive keys, both ends included. */
export interface KeyRange {
  readonly first: string;
  readonly last: string;
}

/** Ranges as ranges of keys, sorted and without two that touch. IPv4 is excluded from IPv6 networks. */
export function keyRangesOf(ranges: readonly AddressRange[]): readonly KeyRange[] {
  const apart = ranges.flatMap(withoutMapped).sort((one, other) => (one.first < other.first ? -1 : 1));
  const merged: KeyRange[] = [];
  for (const range of apart) {
    const before = merged.at(-1);
    if (before === undefined || before.last < range.first) merged.push(range);
    else if (before.last < range.last) merged[merged.length - 1] = { first: before.first, last: range.last };
  }
  return merged;
}

function withoutMapped({ first, last, family }: AddressRange): readonly KeyRange[] {
  if (family === 4 || last < FIRST_MAPPED || first > LAST_MAPPED) return [{ first, last }];
  return [
    { first, last: `${MAPPED_KEY.slice(0, -1)}e${'f'.repeat(8)}` },
    { first: `${MAPPED_KEY.slice(0, 19)}1${'0'.repeat(12)}`, last },
  ].filter((part) => part.first <= part.last);
}

/** Finds whether a key lies in one of the ranges, which come from `keyRangesOf`. There may be thousands. */
export function keyFinder(keys: readonly KeyRange[]): (key: string) => boolean {
  return (key) => {
    let [from, to] = [0, keys.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((keys[middle]?.last ?? '') < key) from = middle + 1;
      else to = middle;
    }
    const found = keys[from];
    return found !== undefined && found.first <= key;
  };
}

/** Whether every address of the inner range lies in the outer one. */
export function coversRange(outer: AddressRange, inner: AddressRange): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}

function parseAddress(text: string): { readonly key: string; readonly family: 4 | 6 } | undefined {
  if (text.length > LONGEST_ADDRESS) return undefined;
  // ipaddr.js alone would also accept 010.1, 0x7f.1 and fe80::1%eth0, which are not meant as stored addresses.
  const isV4 = IPV4.test(text);
  if (!isV4 && (!text.includes(':') || text.includes('%'))) return undefined;
  if (!ipaddr.isValid(text)) return undefined;
  const parsed = ipaddr.parse(text);
  const isMapped = parsed.kind() === 'ipv6' && (parsed as ipaddr.IPv6).isIPv4MappedAddress();
  const bytes = (isV4 ? (parsed as ipaddr.IPv4).toIPv4MappedAddress() : parsed).toByteArray();
  return { key: Buffer.from(bytes).toString('hex'), family: isV4 || isMapped ? 4 : 6 };
}

function rangeOf(key: string, family: 4 | 6, prefixLength: number): AddressRange {
  const fixed = family === 4 ? prefixLength + MAPPED_PREFIX : prefixLength;
  const host = (1n << BigInt(128 - fixed)) - 1n;
  const first = BigInt(`0x${key}`) & ~host;
  const hex = (value: bigint) => value.toString(16).padStart(32, '0');
  return { first: hex(first), last: hex(first | host), family, prefixLength };
}
