import type { Knex } from 'knex';
import type { Instant } from '../../sessions/instant.ts';
import type { Selection } from '../../sessions/selection.ts';
import type { Dialect } from './dialects/dialect.ts';
import type { KeyColumn, SessionTable, TimeColumn } from './shape.ts';

/** The alias under which every query knows the session table. */
export const SESSION = 's';

/** `alias.column`, to be quoted by Knex. */
export function sessionColumn(name: string): string {
  return `${SESSION}.${name}`;
}

/**
 * Narrows a query on the session table, aliased as `s`, to a selection. The same conditions serve to look and to act.
 * @param now the database's clock: what expires before it is expired
 */
export function whereSelected<Query extends Knex.QueryBuilder>(
  knex: Knex,
  dialect: Dialect,
  table: SessionTable,
  query: Query,
  selection: Selection,
  now: Instant,
): Query {
  const all = [...conditions(knex, dialect, table, selection, now)];
  return all.reduce((narrowed, condition) => narrowed.andWhere(condition) as Query, query);
}

function* conditions(
  knex: Knex,
  dialect: Dialect,
  table: SessionTable,
  selection: Selection,
  now: Instant,
): Generator<Knex.Raw> {
  const anyOf = (parts: readonly Knex.Raw[]) =>
    knex.raw(`(${parts.map(() => '?').join(' OR ')})`, [...parts]);
  // A value that is absent makes a condition neither true nor false; what is not excepted stays.
  const noneOf = (parts: readonly Knex.Raw[]) => knex.raw('NOT COALESCE(?, FALSE)', [anyOf(parts)]);
  const nothing = knex.raw('1 = 0');
  const keys = (key: KeyColumn, values: readonly string[]) => {
    const possible = values.filter((value) => isPossibleKey(key, value));
    return possible.length === 0 ? nothing : dialect.keyIn(knex, sessionColumn(key.name), key, possible);
  };
  const addresses = (ranges: Selection['ips']) => {
    const column = table.ipAddress;
    return column === null
      ? [nothing]
      : ranges.map((range) => dialect.addressIn(knex, sessionColumn(column), range));
  };

  if (selection.sessionIds.length > 0) yield keys(table.id, selection.sessionIds);
  if (selection.userIds.length > 0) yield keys(table.userId, selection.userIds);
  if (selection.ips.length > 0) yield anyOf(addresses(selection.ips));
  if (selection.userAgents.length > 0) {
    const column = table.userAgent;
    yield column === null
      ? nothing
      : anyOf(selection.userAgents.map((text) => dialect.contains(knex, sessionColumn(column), text)));
  }
  if (selection.impersonated) {
    yield table.impersonatedBy === null
      ? nothing
      : knex.raw('?? IS NOT NULL', [sessionColumn(table.impersonatedBy)]);
  }

  const limits = [
    [table.createdAt, '>', selection.createdAfter],
    [table.createdAt, '<', selection.createdBefore],
    [table.updatedAt, '>', selection.updatedAfter],
    [table.updatedAt, '<', selection.updatedBefore],
    [table.expiresAt, '>', selection.expiresAfter],
    [table.expiresAt, '<', selection.expiresBefore],
  ] as const;
  for (const [column, operator, instant] of limits) {
    if (instant !== null) yield compare(knex, column, operator, instant);
  }
  if (selection.state === 'active') yield compare(knex, table.expiresAt, '>=', now);
  if (selection.state === 'expired')
    yield anyOf([
      compare(knex, table.expiresAt, '<', now),
      knex.raw('?? IS NULL', [sessionColumn(table.expiresAt.name)]),
    ]);

  if (selection.exceptSessionIds.length > 0) yield noneOf([keys(table.id, selection.exceptSessionIds)]);
  if (selection.exceptUserIds.length > 0) yield noneOf([keys(table.userId, selection.exceptUserIds)]);
  if (selection.exceptIps.length > 0) yield noneOf(addresses(selection.exceptIps));
}

function compare(
  knex: Knex,
  { name, encoding }: TimeColumn,
  operator: '<' | '>' | '>=',
  instant: Instant,
): Knex.Raw {
  const column = sessionColumn(name);
  const condition = `?? ${operator} ?`;
  const bindings = [column, encoding.encode(instant)];
  if (encoding.foreign === null) return knex.raw(condition, bindings);
  const places = encoding.foreign.split('??').length - 1;
  // A value of a foreign encoding compares as anything; it is let through, and refused where it is read.
  return knex.raw(`(${condition} OR ${encoding.foreign})`, [
    ...bindings,
    ...Array.from({ length: places }, () => column),
  ]);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const LARGEST_INTEGER = 2n ** 63n - 1n;

/** Whether a key column can hold this text at all; MySQL would take `12abc` for 12, PostgreSQL would fail. */
export function isPossibleKey(key: KeyColumn, value: string): boolean {
  if (key.kind === 'uuid') return UUID.test(value);
  if (key.kind === 'integer') return /^(?:0|[1-9]\d{0,18})$/.test(value) && BigInt(value) <= LARGEST_INTEGER;
  return !value.includes('\0');
}
