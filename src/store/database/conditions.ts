import type { Knex } from 'knex';
import { keyRangesOf } from '../../sessions/address.ts';
import { millisecondsOf, toInstant, type Instant } from '../../sessions/instant.ts';
import type { Selection } from '../../sessions/selection.ts';
import type { Dialect } from './dialects/dialect.ts';
import { requireColumn } from './require-column.ts';
import type { KeyColumn, SessionTable, TimeColumn } from './shape.ts';
import { surplusCondition } from './surplus.ts';

/** The alias under which every query knows the session table. */
export const SESSION = 's';

/** `alias.column`, to be quoted by Knex. */
export function sessionColumn(name: string): string {
  return `${SESSION}.${name}`;
}

/**
 * What a condition does with a value that its column's encoding cannot mean, and that would compare as anything: whoever
 * looks is to see it, and whoever acts must not touch what was perhaps not meant.
 */
export type Foreign = 'shown' | 'spared';

export interface ConditionParts {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly table: SessionTable;
  /** The database's clock: what expires before it is expired. */
  readonly now: Instant;
}

/**
 * The selection as one condition on the session table, aliased as `s`. The same serves to look and to act.
 * @throws SchemaError where the table lacks a column that the selection needs
 */
export function selectionCondition(parts: ConditionParts, selection: Selection, foreign: Foreign): Knex.Raw {
  return allOf(parts.knex, [...conditions(parts, selection, foreign)]);
}

/** All of the conditions; of none, true. */
export function allOf(knex: Knex, conditions: readonly Knex.Raw[]): Knex.Raw {
  return conditions.length === 0
    ? knex.raw('1 = 1')
    : knex.raw(conditions.map(() => '(?)').join(' AND '), [...conditions]);
}

/**
 * Finds rows that hold a value of a foreign encoding in a column that the selection compares; null where there can be
 * none.
 */
export function foreignCondition({ knex, table }: ConditionParts, selection: Selection): Knex.Raw | null {
  const compared = new Set<TimeColumn>();
  for (const [column, , instant] of limits(table, selection)) if (instant !== null) compared.add(column);
  if (selection.state !== 'all') compared.add(table.expiresAt);
  if (selection.keepNewest !== null) compared.add(table.expiresAt).add(table.createdAt);
  const found = [...compared].flatMap((column) => {
    const condition = isForeign(knex, column);
    return condition === null
      ? []
      : [knex.raw('(?? IS NOT NULL AND ?)', [sessionColumn(column.name), condition])];
  });
  return found.length === 0 ? null : knex.raw(`(${found.map(() => '?').join(' OR ')})`, found);
}

function* conditions(parts: ConditionParts, selection: Selection, foreign: Foreign): Generator<Knex.Raw> {
  const { knex, dialect, table, now } = parts;
  const anyOf = (some: readonly Knex.Raw[]) => knex.raw(`(${some.map(() => '?').join(' OR ')})`, [...some]);
  // A value that is absent makes a condition neither true nor false; what is not excepted stays.
  const noneOf = (some: readonly Knex.Raw[]) => knex.raw('NOT COALESCE(?, FALSE)', [anyOf(some)]);
  const nothing = knex.raw('1 = 0');
  const keys = (key: KeyColumn, values: readonly string[]) => {
    const possible = values.filter((value) => isPossibleKey(key, value));
    return possible.length === 0 ? nothing : dialect.keyIn(knex, sessionColumn(key.name), key, possible);
  };

  if (selection.sessionIds !== null) yield keys(table.id, selection.sessionIds);
  if (selection.userIds.length > 0) yield keys(table.userId, selection.userIds);
  yield* addressConditions(parts, selection);
  if (selection.userAgents.length > 0) {
    const column = sessionColumn(requireColumn(table, 'userAgent', '--user-agent'));
    yield anyOf(selection.userAgents.map((text) => dialect.contains(knex, column, text)));
  }
  if (selection.impersonated) {
    const { name } = requireColumn(table, 'impersonatedBy', '--impersonated');
    yield knex.raw('?? IS NOT NULL', [sessionColumn(name)]);
  }
  if (selection.impersonatorIds.length > 0)
    yield keys(requireColumn(table, 'impersonatedBy', '--impersonated-by'), selection.impersonatorIds);

  const compared = (column: TimeColumn, operator: '<' | '>' | '>=', instant: Instant) =>
    compare(knex, column, operator, instant, foreign);
  for (const [column, operator, instant] of limits(table, selection)) {
    if (instant !== null) yield compared(column, operator, instant);
  }
  if (selection.presentAt !== null) {
    // Whatever the digits behind the milliseconds. What cannot be dated was there.
    const after = toInstant(millisecondsOf(selection.presentAt) + 1);
    yield anyOf([
      compare(knex, table.createdAt, '<', after, 'shown'),
      knex.raw('?? IS NULL', [sessionColumn(table.createdAt.name)]),
    ]);
  }
  if (selection.surelyExpiredAt !== null)
    yield surelyBefore(knex, table.expiresAt, sessionColumn(table.expiresAt.name), selection.surelyExpiredAt);
  if (selection.state === 'active') yield compared(table.expiresAt, '>=', now);
  if (selection.state === 'expired')
    yield anyOf([
      compared(table.expiresAt, '<', now),
      knex.raw('?? IS NULL', [sessionColumn(table.expiresAt.name)]),
    ]);

  if (selection.exceptSessionIds.length > 0) yield noneOf([keys(table.id, selection.exceptSessionIds)]);
  if (selection.exceptUserIds.length > 0) yield noneOf([keys(table.userId, selection.exceptUserIds)]);

  const { keepNewest, presentAt, userIds } = selection;
  if (keepNewest !== null)
    yield surplusCondition(
      parts,
      sessionColumn(table.id.name),
      { keepNewest, presentAt, userIds: userIds.filter((id) => isPossibleKey(table.userId, id)) },
      null,
    );
}

/** What cannot be read is meant by no `ips`, and may be one of `exceptIps`. */
function* addressConditions(
  { knex, dialect, table }: ConditionParts,
  { ips, exceptIps, unclearAddress }: Selection,
): Generator<Knex.Raw> {
  if (ips.length === 0 && exceptIps.length === 0) return;
  const column = sessionColumn(requireColumn(table, 'ipAddress', ips.length > 0 ? '--ip' : '--except-ip'));
  const isIn = (ranges: Selection['ips']) => dialect.addressIn(knex, column, keyRangesOf(ranges));
  if (!unclearAddress && ips.length > 0) yield isIn(ips);
  if (!unclearAddress && exceptIps.length > 0) yield knex.raw('NOT ?', [isIn(exceptIps)]);
  if (unclearAddress) yield dialect.addressUnclear(knex, column);
  else if (exceptIps.length > 0) yield knex.raw('NOT ?', [dialect.addressUnclear(knex, column)]);
  if (unclearAddress && exceptIps.length === 0) yield knex.raw('NOT ?', [isIn(ips)]);
}

/** What the selection asks of times. */
function limits(table: SessionTable, selection: Selection) {
  return [
    [table.createdAt, '>', selection.createdAfter],
    [table.createdAt, '<', selection.createdBefore],
    [table.updatedAt, '>', selection.updatedAfter],
    [table.updatedAt, '<', selection.updatedBefore],
    [table.expiresAt, '>', selection.expiresAfter],
    [table.expiresAt, '<', selection.expiresBefore],
  ] as const;
}

function compare(
  knex: Knex,
  column: TimeColumn,
  operator: '<' | '>' | '>=',
  instant: Instant,
  foreign: Foreign,
): Knex.Raw {
  const condition = knex.raw(`?? ${operator} ?`, [
    sessionColumn(column.name),
    column.encoding.encode(instant),
  ]);
  const strange = isForeign(knex, column);
  if (strange === null) return condition;
  return knex.raw(foreign === 'shown' ? '(? OR ?)' : '(? AND NOT ?)', [condition, strange]);
}

/**
 * Whether the moment in a column was before another for certain: in no other encoding, and at no other hour of a clock
 * that is set back.
 * @param reference the column with the alias of its table
 */
export function surelyBefore(
  knex: Knex,
  { encoding }: Pick<TimeColumn, 'encoding'>,
  reference: string,
  instant: Instant,
): Knex.Raw {
  const condition = knex.raw('?? < ?', [reference, encoding.encodeSurely(instant)]);
  const strange = foreignIn(knex, encoding, reference);
  return strange === null ? condition : knex.raw('(? AND NOT ?)', [condition, strange]);
}

function isForeign(knex: Knex, { name, encoding }: TimeColumn): Knex.Raw | null {
  return foreignIn(knex, encoding, sessionColumn(name));
}

function foreignIn(knex: Knex, { foreign }: TimeColumn['encoding'], reference: string): Knex.Raw | null {
  if (foreign === null) return null;
  const places = foreign.split('??').length - 1;
  return knex.raw(
    foreign,
    Array.from({ length: places }, () => reference),
  );
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const LARGEST_INTEGER = 2n ** 63n - 1n;

/** Whether a key column can hold this text at all; MySQL would take `12abc` for 12, PostgreSQL would fail. */
export function isPossibleKey(key: KeyColumn, value: string): boolean {
  if (key.kind === 'uuid') return UUID.test(value);
  if (key.kind === 'integer') return /^(?:0|[1-9]\d{0,18})$/.test(value) && BigInt(value) <= LARGEST_INTEGER;
  return !value.includes('\0');
}
