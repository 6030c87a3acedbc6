import ipaddr from 'ipaddr.js';
import { addressKey } from '../sessions/address.ts';

/** IPv6 in its short form; it is stored expanded, which is hard to read. Text that is not an address stays as it is. */
export function shortAddress(address: string | null): string | null {
  if (address === null || addressKey(address) === undefined) return address;
  return ipaddr.parse(address).toString();
}
