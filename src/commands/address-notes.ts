import ipaddr from 'ipaddr.js';
import type { Context } from '../context.ts';
import { counted, inNumber } from '../output/counted.ts';
import { unclearAddressesText } from '../output/unreadable.ts';
import {
  coversRange,
  ipv6Subnets,
  parseAddressRange,
  widenRange,
  type AddressRange,
  type Ipv6Subnet,
} from '../sessions/address.ts';
import { networksMeant } from '../sessions/network-meant.ts';
import { everySession, type Selection, type SelectionWords } from '../sessions/selection.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { countUnclearAddresses } from '../sessions/unclear-addresses.ts';
import { longerText, readStoredIpv6, shorterText } from '../sessions/stored-ipv6.ts';

type AddressWords = Pick<SelectionWords, 'ip' | 'exceptIp'>;

/** An address or a network as it was typed. */
interface Asked {
  readonly option: '--ip' | '--except-ip';
  readonly text: string;
  readonly range: AddressRange;
}

function askedIpv6({ ip = [], exceptIp = [] }: AddressWords): readonly Asked[] {
  const asked = (option: Asked['option']) => (text: string) => ({
    option,
    text,
    range: parseAddressRange(text),
  });
  return [...ip.map(asked('--ip')), ...exceptIp.map(asked('--except-ip'))].filter(
    ({ range }) => range.family === 6,
  );
}

/** Networks that are named in a sentence. */
const NAMED = 3;

/**
 * Names the networks that are wider than typed, since the application stores no more bits of an address.
 * @param words that have been parsed before
 */
export function widenedNetworks(words: AddressWords, ipv6Subnet: Ipv6Subnet): readonly string[] {
  const widened = askedIpv6(words).filter(({ range }) => range.prefixLength > ipv6Subnet);
  if (widened.length === 0) return [];
  const named = widened
    .slice(0, NAMED)
    .map(
      ({ option, text, range }) => `${option} ${text} means ${networkText(widenRange(range, ipv6Subnet))}`,
    );
  const more = widened.length - named.length;
  return [
    `The application stores IPv6 addresses as their /${String(ipv6Subnet)}, so ${named.join(', ')}${more > 0 ? `, and ${String(more)} more in the same way` : ''}.`,
  ];
}

function networkText({ first, prefixLength }: AddressRange): string {
  const address = ipaddr.parse((first.match(/.{4}/g) ?? []).join(':')).toString();
  return `${address}/${String(prefixLength)}`;
}

/** Says on stderr what the sessions that a command has read may leave out. */
export async function noteDoubts(
  context: Context,
  store: SessionStore,
  selection: Selection,
  words: AddressWords,
): Promise<void> {
  const { ipv6Subnet } = (await context.settings()).ip;
  const unclear = await countUnclearAddresses(store, selection);
  const notes = [
    ...(unclear > 0 ? [unclearAddressesText(unclear, selection)] : []),
    ...networksMeant(words, ipv6Subnet),
    ...widenedNetworks(words, ipv6Subnet),
    ...(await doubtsAboutIpv6(store, selection, words, ipv6Subnet)),
  ];
  for (const note of notes) await context.note(`note: ${note}`);
}

/** Sessions whose addresses are checked. */
const SAMPLE = 1000;

/**
 * Warns where stored addresses suggest another `ipv6_subnet` than the one that widened the selection: a selection that
 * finds or keeps too few sessions must not look complete.
 * @param words that the selection was made of
 */
export async function doubtsAboutIpv6(
  store: Pick<SessionStore, 'list' | 'lookAgain'>,
  selection: Selection,
  words: AddressWords,
  ipv6Subnet: Ipv6Subnet,
): Promise<readonly string[]> {
  const asked = askedIpv6(words);
  const narrowerThan = (bits: number) => asked.filter(({ range }) => range.prefixLength > bits);
  if (narrowerThan(ipv6Subnets[0]).length === 0) return [];
  const stored = readStoredIpv6(await sampleOf(store), ipv6Subnet);
  const { bits } = stored;
  if (bits !== null && bits < ipv6Subnet && narrowerThan(bits).length > 0)
    return [`${shorterText(stored, ipv6Subnet)}: ${effectOn(narrowerThan(bits))}. ${advice(bits)}`];
  const doubts: string[] = [];
  for (const shorter of ipv6Subnets.filter((each) => each < ipv6Subnet)) {
    const sessions = await countMasked(store, selection, narrowerThan(shorter), shorter);
    if (sessions > 0)
      doubts.push(
        `${counted(sessions, 'session')} may match ${judgedOption(selection)} and ${inNumber(sessions, 'is not treated as a match: its', 'are not treated as matches: their')} address is stored as the /${String(shorter)} of what was asked for. ${advice(shorter)}`,
      );
  }
  const isWidened = narrowerThan(ipv6Subnet).length > 0;
  return stored.longer > 0 && isWidened ? [...doubts, `${longerText(stored, ipv6Subnet)}.`] : doubts;
}

async function sampleOf(store: Pick<SessionStore, 'list'>): Promise<readonly (string | null)[]> {
  const addresses: (string | null)[] = [];
  for await (const chunk of store.list(everySession, { sort: null, limit: SAMPLE }))
    addresses.push(...chunk.map(({ ipAddress }) => ipAddress));
  return addresses;
}

/** Sessions that the selection does not match (or except), and would if only this many bits were stored. */
async function countMasked(
  store: Pick<SessionStore, 'lookAgain'>,
  selection: Selection,
  asked: readonly Asked[],
  bits: Ipv6Subnet,
): Promise<number> {
  const option = judgedOption(selection);
  const judged = option === '--ip' ? selection.ips : selection.exceptIps;
  const masked = asked
    .filter((each) => each.option === option)
    .map(({ range }) => rangeOfAddress(widenRange(range, bits).first))
    .filter((address) => !judged.some((range) => coversRange(range, address)));
  if (masked.length === 0) return 0;
  return (await store.lookAgain({ ...selection, ips: masked }, 0, 'once')).sessions;
}

function judgedOption({ ips }: Selection): Asked['option'] {
  return ips.length > 0 ? '--ip' : '--except-ip';
}

function rangeOfAddress(key: string): AddressRange {
  return { first: key, last: key, family: 6, prefixLength: 128 };
}

function effectOn(asked: readonly Asked[]): string {
  const effects = [
    ['--ip', 'may miss sessions'],
    ['--except-ip', 'may keep too few'],
  ] as const;
  return effects
    .filter(([option]) => asked.some((each) => each.option === option))
    .map(([option, effect]) => `${option} ${effect}`)
    .join(', and ');
}

function advice(bits: Ipv6Subnet): string {
  return `If advanced.ipAddress.ipv6Subnet of the application is ${String(bits)}, set ipv6_subnet = ${String(bits)} in [profiles.<name>.ip].`;
}
