import { addressKey, LONGEST_ADDRESS } from './address.ts';

/*
 * An address as a deployment stored it. Better Auth up to 1.2.5 kept the left-most piece of the header as it came
 * (get-request-ip.ts): with a port, in brackets, as `for=…` of RFC 7239, quoted, or with the rest of a list; hand-written
 * code adds a zone or a mask. The patterns are read by JavaScript, PostgreSQL, MariaDB and MySQL alike, so they need no
 * flag: classes name both cases.
 */

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const SPACE = '[ \t\r\n]*';

export const IPV4_PATTERN = `${OCTET}(?:[.]${OCTET}){3}`;

/** Looks like IPv6 and need not be: `::1::` fits as well. */
export const IPV6_PATTERN = `[0-9A-Fa-f]{0,4}:(?:[0-9A-Fa-f]{0,4}:)*(?:${IPV4_PATTERN}|[0-9A-Fa-f]{0,4})`;

/** What may stand before the address, up to a bracket. */
export const HEAD_PATTERN = `^${SPACE}(?:(?:[^,]*;${SPACE})?[Ff][Oo][Rr]${SPACE}=${SPACE})?"?${SPACE}`;

/** The two forms that almost every row has, IPv4 and what Better Auth writes of IPv6: nothing has to be taken off. */
export const PLAIN_PATTERN = `^(?:${IPV4_PATTERN}|[0-9a-f]{4}(?::[0-9a-f]{4}){7})$`;

function storedPattern(mask4: string, mask6: string): string {
  const port = '(?::[0-9]{1,5})?';
  const zone = '(?:%[0-9A-Za-z._~-]+)?';
  return (
    `${HEAD_PATTERN}(?:\\[(${IPV6_PATTERN}|${IPV4_PATTERN})${zone}\\]${port}|(${IPV4_PATTERN})${port}(?:/${mask4})?` +
    `|(${IPV6_PATTERN})${zone}(?:/${mask6})?)"?${SPACE}(?:[,;]|$)`
  );
}

/** Any form; one of the three groups is the address, of which IPv6 has still to be judged. */
export const STORED_PATTERN = storedPattern('(?:3[0-2]|[12]?[0-9])', '(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])');

/** As any form, and one address: a mask that is shorter than it means a network. */
export const SINGLE_PATTERN = storedPattern('32', '128');

const STORED = new RegExp(STORED_PATTERN);
const SINGLE = new RegExp(SINGLE_PATTERN);
const BLANK_PATTERN = /^[ \t\r\n]*$/;

/** What a stored text says of an address. */
export interface StoredAddress {
  /** The key of the address, or of the first part of a network such as `203.0.113.7/24`; null where it cannot be read. */
  readonly key: string | null;
  /** It is not blank, and no single address: whether it is one that is asked about cannot be known from it. */
  readonly unclear: boolean;
}

const BLANK: StoredAddress = { key: null, unclear: false };
const UNCLEAR: StoredAddress = { key: null, unclear: true };

/** What databases read instead of a text that is longer than `LONGEST_ADDRESS`: no address, and not blank. */
export const TOO_LONG = 'too long';

/** Reads an address in every form that a release of Better Auth, or a column of addresses, has stored. */
export function readStoredAddress(stored: string | null): StoredAddress {
  if (stored !== null && Buffer.byteLength(stored) > LONGEST_ADDRESS) return UNCLEAR;
  if (stored === null || BLANK_PATTERN.test(stored)) return BLANK;
  const found = STORED.exec(stored);
  const key = addressKey(found?.[1] ?? found?.[2] ?? found?.[3] ?? '') ?? null;
  return { key, unclear: key === null || !SINGLE.test(stored) };
}
