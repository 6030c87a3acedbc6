import { ipv6Subnets, type Ipv6Subnet } from './address.ts';
import { readStoredAddress } from './stored-address.ts';

/** What stored IPv6 addresses show about the bits that the application stores. */
export interface StoredIpv6 {
  readonly addresses: number;
  /** The fewest bits that fit every address; null without an address. */
  readonly bits: Ipv6Subnet | null;
  /** Addresses with more bits than the setting. */
  readonly longer: number;
}

/** Reads stored addresses. IPv4, loopback and link-local addresses show nothing. */
export function readStoredIpv6(addresses: readonly (string | null)[], ipv6Subnet: Ipv6Subnet): StoredIpv6 {
  const lengths = addresses
    .map((address) => readStoredAddress(address).key)
    // 2000::/3 and fc00::/7: addresses that belong to one host.
    .filter((key) => key !== null && /^(?:[23]|f[cd])/.test(key))
    .map((key) => ipv6Subnets.find((bits) => /^0*$/.test((key ?? '').slice(bits / 4))) ?? 128);
  return {
    addresses: lengths.length,
    bits: ipv6Subnets.find((bits) => bits === Math.max(...lengths)) ?? null,
    longer: lengths.filter((bits) => bits > ipv6Subnet).length,
  };
}

/** Text for stored addresses with fewer bits than the setting. */
export function shorterText({ addresses, bits }: StoredIpv6, ipv6Subnet: Ipv6Subnet): string {
  const [all, after] =
    addresses === 1
      ? ['The only IPv6 address in a sample has', 'its']
      : [`All ${String(addresses)} IPv6 addresses in a sample have`, 'their'];
  return `${all} zeros after ${after} /${String(bits)}, and ipv6_subnet is ${String(ipv6Subnet)}`;
}

/** Text for stored addresses with more bits than the setting. */
export function longerText({ addresses, longer }: StoredIpv6, ipv6Subnet: Ipv6Subnet): string {
  const [are, them] = longer === 1 ? ['is', 'it'] : ['are', 'them'];
  const all = `${String(addresses)} IPv6 ${addresses === 1 ? 'address' : 'addresses'}`;
  return `${String(longer)} of ${all} in a sample ${are} longer than the /${String(ipv6Subnet)} of ipv6_subnet: an earlier release or another ipv6Subnet stored ${them}`;
}
