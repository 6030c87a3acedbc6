import type { Knex } from 'knex';
import { LONGEST_ADDRESS, MAPPED_KEY, type KeyRange } from '../../../../sessions/address.ts';
import { NETWORK_DIGITS } from '../../../../sessions/network.ts';
import {
  IPV4_PATTERN,
  PLAIN_PATTERN,
  SINGLE_PATTERN,
  STORED_PATTERN,
  TOO_LONG,
} from '../../../../sessions/stored-address.ts';

const IPV4 = `^${IPV4_PATTERN}$`;
const HEXTET = '[0-9a-f]{1,4}';
/** Every form that the type inet reads without error, including an embedded IPv4 address at the end. */
const IPV6 = (() => {
  const gap = [1, 2, 3, 4, 5, 6].map(
    (before) => `(?:${HEXTET}:){1,${String(before)}}(?::${HEXTET}){1,${String(7 - before)}}`,
  );
  const whole = [`(?:${HEXTET}:){7}${HEXTET}`, `(?:${HEXTET}:){1,7}:`, `:(?::${HEXTET}){1,7}`, '::'];
  return `^(?:${[...whole, ...gap, `::(?:ffff(?::0{1,4})?:)?${IPV4_PATTERN}`].join('|')})$`;
})();

/** With more ranges than this, the text is not searched for them first. */
const LOOKED_FOR = 8;

/** See `Dialect.addressIn`. Columns of inet and cidr are read as text. */
export function addressIn(knex: Knex, column: string, ranges: readonly KeyRange[]): Knex.Raw {
  const single = ranges.filter(({ first, last }) => first === last).map(({ first }) => inetOf(first));
  const wide = ranges.filter(({ first, last }) => first !== last);
  // Lists are bound as arrays: thousands of terms would keep the planner busy for minutes.
  const terms = [
    ...(single.length === 0 ? [] : [knex.raw('a.address = ANY (CAST(? AS inet[]))', [single])]),
    ...(wide.length === 0
      ? []
      : [
          knex.raw(
            `EXISTS (SELECT 1 FROM unnest(CAST(? AS inet[]), CAST(? AS inet[])) r(first, last)
                      WHERE a.address >= r.first AND a.address <= r.last)`,
            [wide.map(({ first }) => inetOf(first)), wide.map(({ last }) => inetOf(last))],
          ),
        ]),
  ];
  const found = knex.raw(
    `(SELECT ${terms.map(() => '?').join(' OR ')} FROM (SELECT ? AS address OFFSET 0) a)`,
    [...terms, addressOf(knex, column)],
  );
  const text = textOf(knex, column);
  const marks = ranges.length > LOOKED_FOR ? [] : ranges.map((range) => markOf(knex, text, range));
  const hasMark = marks.length === 0 ? knex.raw('TRUE') : knex.raw(marks.map(() => '?').join(' OR '), marks);
  return knex.raw('(CASE WHEN ? THEN COALESCE(?, FALSE) ELSE FALSE END)', [hasMark, found]);
}

/** See `Dialect.addressUnclear`. */
export function addressUnclear(knex: Knex, column: string): Knex.Raw {
  const text = textOf(knex, column);
  return knex.raw(
    `(CASE WHEN ? IS NULL OR ? ~ ? THEN FALSE
           WHEN btrim(?, E' \\t\\r\\n') = '' THEN FALSE
           WHEN ? ~ ? THEN ? IS NULL
           ELSE TRUE END)`,
    [text, text, PLAIN_PATTERN, text, text, SINGLE_PATTERN, addressOf(knex, column)],
  );
}

/** See `Dialect.network`. Four bytes come before the address. */
export function network(knex: Knex, column: string): Knex.Raw {
  return knex.raw(
    `(SELECT left(k.key, CASE WHEN starts_with(k.key, ?) THEN ${String(NETWORK_DIGITS[4])} ELSE ${String(NETWORK_DIGITS[6])} END)
        FROM (SELECT substr(encode(inet_send(?), 'hex'), 9) AS key OFFSET 0) k)`,
    [MAPPED_KEY, addressOf(knex, column)],
  );
}

function textOf(knex: Knex, column: string): Knex.Raw {
  return knex.raw(
    `(CASE WHEN octet_length(CAST(?? AS text)) > ${String(LONGEST_ADDRESS)} THEN '${TOO_LONG}' ELSE CAST(?? AS text) END) COLLATE "C"`,
    [column, column],
  );
}

/** The address in the column as inet, with IPv4 in IPv6 form; NULL where it cannot be read. */
function addressOf(knex: Knex, column: string): Knex.Raw {
  const text = textOf(knex, column);
  return knex.raw(
    `CASE WHEN strpos(?, ':') = 0 AND ? ~ ? THEN CAST('::ffff:' || ? AS inet)
          WHEN ? ~ ? THEN CAST(? AS inet)
          ELSE (SELECT CASE WHEN core ~ ? THEN CAST('::ffff:' || core AS inet) WHEN core ~* ? THEN CAST(core AS inet) END
                  FROM (SELECT COALESCE(m[1], m[2], m[3]) AS core FROM regexp_match(?, ?) m OFFSET 0) c) END`,
    [...[text, text, IPV4, text], ...[text, PLAIN_PATTERN, text], ...[IPV4, IPV6, text, STORED_PATTERN]],
  );
}

/**
 * A substring of every text form of an address in the range. Searching for it takes a fraction of the time of parsing.
 */
function markOf(knex: Knex, text: Knex.Raw, { first, last }: KeyRange): Knex.Raw {
  const hasColon = knex.raw(`strpos(?, ':') > 0`, [text]);
  if (!first.startsWith(MAPPED_KEY)) return hasColon;
  const octets = [24, 26, 28, 30]
    .map((at) => [first, last].map((key) => Number.parseInt(key.slice(at, at + 2), 16)))
    .map(([from = 0, to = 0]) => (from === to ? String(from) : null));
  const fixed = octets.slice(0, octets.includes(null) ? octets.indexOf(null) : 4).join('.');
  if (fixed === '') return knex.raw('TRUE');
  // IPv4 in IPv6 form is still IPv4.
  return knex.raw(`(strpos(?, ?) > 0 OR (? AND strpos(lower(?), 'ffff:') > 0))`, [
    text,
    fixed,
    hasColon,
    text,
  ]);
}

function inetOf(key: string): string {
  return (key.match(/.{4}/g) ?? []).join(':');
}
