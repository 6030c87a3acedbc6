import type { Knex } from 'knex';
import { MAPPED_KEY, type KeyRange } from '../../../sessions/address.ts';
import { NETWORK_DIGITS } from '../../../sessions/network.ts';
import {
  HEAD_PATTERN,
  IPV4_PATTERN,
  IPV6_PATTERN,
  PLAIN_PATTERN,
  SINGLE_PATTERN,
  STORED_PATTERN,
} from '../../../sessions/stored-address.ts';

/** As `Dialect.addressIn`. Columns of inet4 and inet6 are read as the text that they are written as. */
export function addressIn(knex: Knex, column: string, ranges: readonly KeyRange[]): Knex.Raw {
  const key = keyOf(knex, column);
  const single = ranges.filter(({ first, last }) => first === last).map(({ first }) => first);
  const wide = ranges.filter(({ first, last }) => first !== last);
  const terms = wide.map(({ first, last }) =>
    knex.raw('? BETWEEN UNHEX(?) AND UNHEX(?)', [key, first, last]),
  );
  if (single.length > 0)
    terms.push(knex.raw(`? IN (${single.map(() => 'UNHEX(?)').join(', ')})`, [key, ...single]));
  return knex.raw(`COALESCE(${terms.map(() => '?').join(' OR ')}, FALSE)`, terms);
}

/** As `Dialect.addressUnclear`. */
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

/** As `Dialect.network`. */
export function network(knex: Knex, column: string): Knex.Raw {
  const digits = knex.raw('LOWER(HEX(?))', [keyOf(knex, column)]);
  return knex.raw(
    `LEFT(?, CASE WHEN LEFT(?, ${String(MAPPED_KEY.length)}) = ? THEN ${String(NETWORK_DIGITS[4])} ELSE ${String(NETWORK_DIGITS[6])} END)`,
    [digits, digits, MAPPED_KEY],
  );
}

function textOf(knex: Knex, column: string): Knex.Raw {
  return knex.raw('CAST(?? AS CHAR)', [column]);
}

/** Sixteen bytes, of IPv4 those of its mapped IPv6 address; NULL where the address cannot be read. */
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
