import ipaddr from 'ipaddr.js';
import { addressKey } from '../sessions/address.ts';

/** IPv6 in its short form; it is stored expanded, which nobody can read. What is no address stays as it is. */
export function shortAddress(address: string | null): string | null {
  if (address === null || addressKey(address) === undefined) return address;
  return ipaddr.parse(address).toString();
}
