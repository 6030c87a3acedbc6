import { addressKey, LONGEST_ADDRESS } from './address.ts';

/**
 * An address as a deployment stored it. Better Auth up to 1.2.5 stored the left-most part of the header as it came
 * (get-request-ip.ts): with a port, in brackets, as `for=…` of RFC 7239, quoted, or with the rest of a list;
 * hand-written code adds a zone or a mask. JavaScript, PostgreSQL, MariaDB and MySQL all read these patterns, so they
 * need no flag: classes name both cases.
 */

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const SPACE = '[ \t\r\n]*';

export const IPV4_PATTERN = `${OCTET}(?:[.]${OCTET}){3}`;

/** Looks like IPv6 but may not be: `::1::` matches as well. */
export const IPV6_PATTERN = `[0-9A-Fa-f]{0,4}:(?:[0-9A-Fa-f]{0,4}:)*(?:${IPV4_PATTERN}|[0-9A-Fa-f]{0,4})`;

/** The text that may come before the address, up to a bracket. */
export const HEAD_PATTERN = `^${SPACE}(?:(?:[^,]*;${SPACE})?[Ff][Oo][Rr]${SPACE}=${SPACE})?"?${SPACE}`;

/** The two forms that almost every row has, IPv4 and Better Auth's form of IPv6: nothing has to be removed. */
export const PLAIN_PATTERN = `^(?:${IPV4_PATTERN}|[0-9a-f]{4}(?::[0-9a-f]{4}){7})$`;

function storedPattern(mask4: string, mask6: string): string {
  const port = '(?::[0-9]{1,5})?';
  const zone = '(?:%[0-9A-Za-z._~-]+)?';
  return (
    `${HEAD_PATTERN}(?:\\[(${IPV6_PATTERN}|${IPV4_PATTERN})${zone}\\]${port}|(${IPV4_PATTERN})${port}(?:/${mask4})?` +
    `|(${IPV6_PATTERN})${zone}(?:/${mask6})?)"?${SPACE}(?:[,;]|$)`
  );
}

/** Any form. One of the three groups is the address; IPv6 still has to be checked. */
export const STORED_PATTERN = storedPattern('(?:3[0-2]|[12]?[0-9])', '(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])');

/** Any form of a single address: a shorter mask means a network. */
export const SINGLE_PATTERN = storedPattern('32', '128');

const STORED = new RegExp(STORED_PATTERN);
const SINGLE = new RegExp(SINGLE_PATTERN);
const BLANK_PATTERN = /^[ \t\r\n]*$/;

/** The result of reading a stored address. */
export interface StoredAddress {
  /**
   * The key of the address, or of the first part of a network such as `203.0.113.7/24`; null where it is unreadable.
   */
  readonly key: string | null;
  /** It is not blank, and not a single address: whether it matches an asked address is unknown. */
  readonly unclear: boolean;
}

const BLANK: StoredAddress = { key: null, unclear: false };
const UNCLEAR: StoredAddress = { key: null, unclear: true };

/** The text that databases read instead of one longer than `LONGEST_ADDRESS`: not an address, and not blank. */
export const TOO_LONG = 'too long';

/** Reads an address in every form that a release of Better Auth, or a column of addresses, has stored. */
export function readStoredAddress(stored: string | null): StoredAddress {
  if (stored !== null && Buffer.byteLength(stored) > LONGEST_ADDRESS) return UNCLEAR;
  if (stored === null || BLANK_PATTERN.test(stored)) return BLANK;
  const found = STORED.exec(stored);
  const key = addressKey(found?.[1] ?? found?.[2] ?? found?.[3] ?? '') ?? null;
  return { key, unclear: key === null || !SINGLE.test(stored) };
}
