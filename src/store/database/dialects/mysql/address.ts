import type { Knex } from 'knex';
import { LONGEST_ADDRESS, MAPPED_KEY, type KeyRange } from '../../../../sessions/address.ts';
import { NETWORK_DIGITS } from '../../../../sessions/network.ts';
import {
  HEAD_PATTERN,
  IPV4_PATTERN,
  IPV6_PATTERN,
  PLAIN_PATTERN,
  SINGLE_PATTERN,
  STORED_PATTERN,
  TOO_LONG,
} from '../../../../sessions/stored-address.ts';

/** See `Dialect.addressIn`. Columns of inet4 and inet6 are read as text. */
export function addressIn(knex: Knex, column: string, ranges: readonly KeyRange[]): Knex.Raw {
  const digits = knex.raw('HEX(?)', [keyOf(knex, column)]);
  const blocks = new Map<number, string[]>();
  for (const block of ranges.flatMap(blocksOf)) {
    const some = blocks.get(block.length);
    if (some === undefined) blocks.set(block.length, [block]);
    else some.push(block);
  }
  // One list for each length: with one term for each of thousands of networks, the address would be read as often.
  const terms = [...blocks].map(([length, some]) =>
    knex.raw(`LEFT(?, ${String(length)}) IN (${some.map(() => '?').join(', ')})`, [digits, ...some]),
  );
  return knex.raw(`COALESCE(${terms.map(() => '?').join(' OR ')}, FALSE)`, terms);
}

/** The hexadecimal prefixes that exactly the keys of a range have. A CIDR network has at most 8. */
export function blocksOf({ first, last }: KeyRange): readonly string[] {
  let same = 0;
  while (same < first.length && first[same] === last[same]) same += 1;
  const shared = first.slice(0, same);
  if (/^0*$/.test(first.slice(same)) && /^f*$/.test(last.slice(same))) return [shared];
  const [from, to] = [first, last].map((key) => parseInt(key.charAt(same), 16)) as [number, number];
  const rest = first.length - same - 1;
  return Array.from({ length: to - from + 1 }, (_, at) => from + at).flatMap((digit) => {
    const block = shared + digit.toString(16);
    return blocksOf({
      first: digit === from ? first : block + '0'.repeat(rest),
      last: digit === to ? last : block + 'f'.repeat(rest),
    });
  });
}

/** See `Dialect.addressUnclear`. */
export function addressUnclear(knex: Knex, column: string): Knex.Raw {
  const text = textOf(knex, column);
  return knex.raw(
    `(CASE WHEN ? IS NULL OR ? REGEXP ? THEN FALSE
           WHEN ? REGEXP ? THEN FALSE
           WHEN ? REGEXP ? THEN ? IS NULL
           ELSE TRUE END)`,
    [text, text, PLAIN_PATTERN, text, '^[ \t\r\n]*$', text, SINGLE_PATTERN, keyOf(knex, column)],
  );
}

/** See `Dialect.network`. */
export function network(knex: Knex, column: string): Knex.Raw {
  const digits = knex.raw('LOWER(HEX(?))', [keyOf(knex, column)]);
  return knex.raw(
    `LEFT(?, CASE WHEN LEFT(?, ${String(MAPPED_KEY.length)}) = ? THEN ${String(NETWORK_DIGITS[4])} ELSE ${String(NETWORK_DIGITS[6])} END)`,
    [digits, digits, MAPPED_KEY],
  );
}

function textOf(knex: Knex, column: string): Knex.Raw {
  return knex.raw(
    `(CASE WHEN LENGTH(CAST(?? AS CHAR)) > ${String(LONGEST_ADDRESS)} THEN '${TOO_LONG}' ELSE CAST(?? AS CHAR) END)`,
    [column, column],
  );
}

/** Sixteen bytes (IPv4 as its mapped IPv6 address); NULL where the address cannot be read. */
function keyOf(knex: Knex, column: string): Knex.Raw {
  const text = textOf(knex, column);
  const core = knex.raw(
    `CASE WHEN ? REGEXP ? THEN ? WHEN ? REGEXP ? THEN REGEXP_SUBSTR(REGEXP_REPLACE(?, ?, ''), ?) END`,
    [
      ...[text, PLAIN_PATTERN, text],
      ...[text, STORED_PATTERN],
      ...[text, `${HEAD_PATTERN}\\[?`, `^(?:${IPV4_PATTERN}(?![0-9.])|${IPV6_PATTERN})`],
    ],
  );
  return knex.raw(`LPAD(INET6_ATON(?), 16, X'${MAPPED_KEY}')`, [core]);
}
