import ipaddr from 'ipaddr.js';
import { parseAddressRange, type Ipv6Subnet } from './address.ts';
import type { SelectionWords } from './selection.ts';

/**
 * For an address typed with a prefix, the network that it means: `203.0.113.5/24 means the network 203.0.113.0/24`.
 * @param words that were accepted before
 */
export function networksMeant(
  { ip = [], exceptIp = [] }: Pick<SelectionWords, 'ip' | 'exceptIp'>,
  ipv6Subnet: Ipv6Subnet,
): readonly string[] {
  return [...ip, ...exceptIp].flatMap((text) => {
    const [address = '', prefix] = text.split('/');
    if (prefix === undefined) return [];
    const { family, prefixLength } = parseAddressRange(text);
    // Another sentence reports a widened network.
    if (family === 6 && prefixLength > ipv6Subnet) return [];
    const kind = address.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4;
    const network = kind.networkAddressFromCIDR(text).toString();
    if (network === ipaddr.parse(address).toString()) return [];
    return [`${text} means the network ${network}/${prefix}`];
  });
}

/** The words of a selection with the meaning of its networks, for a plan. */
export function withNetworksMeant(
  text: string,
  words: Pick<SelectionWords, 'ip' | 'exceptIp'>,
  ipv6Subnet: Ipv6Subnet,
): string {
  const meant = networksMeant(words, ipv6Subnet);
  return meant.length === 0 ? text : `${text} (${meant.join('; ')})`;
}
