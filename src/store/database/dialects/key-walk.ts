import { randomInt } from 'node:crypto';
import type { Knex } from 'knex';
import { allOf } from '../query/conditions.ts';
import type { KeyKind } from '../schema/shape.ts';
import type { Position, TableWalk } from './dialect.ts';

/** The key that a walk follows: a key of this kind, or SQLite's own row number. */
export type WalkedKind = KeyKind | 'rowid';

/**
 * Walks along a unique key. The server compares the bounds, since its order of keys differs from JavaScript's.
 * @param reference the table with its alias
 * @param column of the key, with the alias
 */
export function keyWalk(knex: Knex, reference: Knex.Raw, column: string, kind: WalkedKind): TableWalk {
  return {
    async piece(from, rows, until) {
      const behind = from === null ? [] : [knex.raw('?? > ?', [column, from])];
      const upTo = (position: Position) => knex.raw('?? <= ?', [column, position]);
      const within = allOf(knex, [...behind, ...(until === null ? [] : [upTo(until)])]);
      const [bound] = (await knex
        .select({ bound: column })
        .from(reference)
        .where(within)
        .orderBy(column)
        .limit(1)
        .offset(rows - 1)) as { bound: Position }[];
      if (bound === undefined) return { condition: within, most: rows, next: null };
      // Without the end of the whole walk, which lies beyond this piece: given two upper bounds, SQLite may read up to
      // either.
      return { condition: allOf(knex, [...behind, upTo(bound.bound)]), most: rows, next: bound.bound };
    },

    async somewhere() {
      const end = async (direction: 'asc' | 'desc') => {
        const [row] = (await knex
          .select({ key: column })
          .from(reference)
          .orderBy(column, direction)
          .limit(1)) as { key: Position }[];
        return row === undefined ? null : String(row.key);
      };
      const [first, last] = [await end('asc'), await end('desc')];
      if (first === null || last === null) return null;
      if (kind === 'text') return textBetween(first, last);
      if (kind === 'uuid') return uuidBetween(first, last);
      return Number(last) - Number(first) < FEW_ROWS ? null : numberBetween(first, last);
    },
  };
}

/** A smaller table is read so quickly that the start makes no difference. */
const FEW_ROWS = 1000;

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A text roughly between two others, which may share a prefix, as keys do. It need not be the key of a row. */
function textBetween(first: string, last: string): string {
  let differs = 0;
  while (differs < first.length && first[differs] === last[differs]) differs += 1;
  if (differs === first.length) return first;
  const [one, other] = [first, last].map((text) => text.charCodeAt(differs) || 0) as [number, number];
  const code = randomInt(Math.min(one, other), Math.max(one, other) + 1);
  const letters = Array.from({ length: 4 }, () => LETTERS[randomInt(LETTERS.length)]);
  return first.slice(0, differs) + String.fromCharCode(Math.max(code, 0x20)) + letters.join('');
}

function uuidBetween(first: string, last: string): string {
  const [one, other] = [first, last].map((text) => BigInt(`0x${text.replaceAll('-', '')}`)) as [
    bigint,
    bigint,
  ];
  const part = ((other - one) * BigInt(randomInt(2 ** 32))) / 2n ** 32n;
  const digits = (one + part).toString(16).padStart(32, '0');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function numberBetween(first: string, last: string): number | null {
  const [one, other] = [Number(first), Number(last)];
  const number = one + Math.floor(Math.random() * (other - one));
  return Number.isSafeInteger(number) ? number : null;
}
