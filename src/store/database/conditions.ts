import type { ConditionParts } from './parts.ts';
import type { Knex } from 'knex';
import { expiryAfterRefresh } from '../../sessions/activity.ts';
import { keyRangesOf } from '../../sessions/address.ts';
import { millisecondsOf, toInstant, type Instant } from '../../sessions/instant.ts';
import type { Selection } from '../../sessions/selection.ts';
import { requireColumn } from './require-column.ts';
import type { KeyColumn, SessionTable, TimeColumn } from './shape.ts';
import { surplusCondition } from './surplus.ts';
import { isUnreadable } from './unreadable-time.ts';

/** The alias under which every query knows the session table. */
export const SESSION = 's';

/** The alias of another plugin's table beside the sessions. */
export const OTHER = 'o';

/** `alias.column`, to be quoted by Knex. */
export function sessionColumn(name: string): string {
  return `${SESSION}.${name}`;
}

/**
 * What a comparison does with a time that is absent or cannot be read: `exclude` holds what is meant for certain, `include`
 * also what may be meant.
 */
export type UnreadableTimes = 'include' | 'exclude';

/**
 * The selection as one condition on the session table, aliased as `s`. The same serves to look and to act.
 * @throws SchemaError where the table lacks a column that the selection needs
 */
export function selectionCondition(
  parts: ConditionParts,
  selection: Selection,
  unreadableTimes: UnreadableTimes = 'exclude',
): Knex.Raw {
  return allOf(parts.knex, [...conditions(parts, selection, unreadableTimes)]);
}

/** All of the conditions; of none, true. */
export function allOf(knex: Knex, conditions: readonly Knex.Raw[]): Knex.Raw {
  return conditions.length === 0
    ? knex.raw('1 = 1')
    : knex.raw(conditions.map(() => '(?)').join(' AND '), [...conditions]);
}

function* conditions(
  parts: ConditionParts,
  selection: Selection,
  unreadableTimes: UnreadableTimes,
): Generator<Knex.Raw> {
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
    yield dialect.containsAny(knex, column, selection.userAgents);
  }
  if (selection.impersonated) {
    const { name } = requireColumn(table, 'impersonatedBy', '--impersonated');
    yield knex.raw('?? IS NOT NULL', [sessionColumn(name)]);
  }
  if (selection.impersonatorIds.length > 0)
    yield keys(requireColumn(table, 'impersonatedBy', '--impersonated-by'), selection.impersonatorIds);

  if (selection.updatedAfter !== null) {
    const refreshedAfter = expiryAfterRefresh(selection.updatedAfter, selection);
    const isUpdated = compare(knex, table.updatedAt, '>', selection.updatedAfter, unreadableTimes);
    yield refreshedAfter === null
      ? isUpdated
      : anyOf([isUpdated, compare(knex, table.expiresAt, '>', refreshedAfter, unreadableTimes)]);
  }
  for (const [column, operator, instant] of limits(table, selection)) {
    if (instant !== null) yield compare(knex, column, operator, instant, unreadableTimes);
  }
  if (selection.aliveAt !== null)
    yield anyOf([
      compare(knex, table.expiresAt, '>', selection.aliveAt, 'exclude'),
      isUnreadable(knex, table.expiresAt.encoding, sessionColumn(table.expiresAt.name)),
    ]);
  if (selection.presentAt !== null) {
    // Whatever the digits behind the milliseconds. What cannot be dated was there.
    const after = toInstant(millisecondsOf(selection.presentAt) + 1);
    yield compare(knex, table.createdAt, '<', after, 'include');
  }
  if (selection.surelyExpiredAt !== null) {
    const expiry = sessionColumn(table.expiresAt.name);
    const isExpired = surelyBefore(knex, table.expiresAt, expiry, selection.surelyExpiredAt);
    yield unreadableTimes === 'exclude' ? isExpired : anyOf([isExpired, isUnknown(knex, table.expiresAt)]);
  }
  if (selection.state === 'active') yield isActive(knex, table.expiresAt, now);
  if (selection.state === 'expired') yield noneOf([isActive(knex, table.expiresAt, now)]);

  if (selection.exceptSessionIds.length > 0) yield noneOf([keys(table.id, selection.exceptSessionIds)]);
  if (selection.exceptUserIds.length > 0) yield noneOf([keys(table.userId, selection.exceptUserIds)]);

  const { keepNewest, presentAt, userIds } = selection;
  if (keepNewest !== null) {
    const isSurplus = surplusCondition(
      parts,
      sessionColumn(table.id.name),
      { keepNewest, presentAt, userIds: userIds.filter((id) => isPossibleKey(table.userId, id)) },
      null,
    );
    yield unreadableTimes === 'exclude'
      ? isSurplus
      : anyOf([isSurplus, isUnknown(knex, table.createdAt), isUnknown(knex, table.expiresAt)]);
  }
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

/** What all sessions of the selection fulfil, of times. */
function limits(table: SessionTable, selection: Selection) {
  return [
    [table.createdAt, '>', selection.createdAfter],
    [table.createdAt, '<', selection.createdBefore],
    [table.updatedAt, '<', selection.updatedBefore],
    [table.expiresAt, '<', expiryAfterRefresh(selection.updatedBefore, selection)],
    [table.expiresAt, '>', selection.expiresAfter],
    [table.expiresAt, '<', selection.expiresBefore],
  ] as const;
}

function compare(
  knex: Knex,
  column: TimeColumn,
  operator: '<' | '>',
  instant: Instant,
  unreadableTimes: UnreadableTimes,
): Knex.Raw {
  const reference = sessionColumn(column.name);
  const condition = knex.raw(`?? ${operator} ?`, [reference, column.encoding.encode(instant)]);
  return unreadableTimes === 'include'
    ? knex.raw('(? OR ?)', [condition, isUnknown(knex, column)])
    : knex.raw('(? AND NOT ?)', [condition, isUnreadable(knex, column.encoding, reference)]);
}

/** Whether a time is absent or cannot be read. */
export function isUnknown(knex: Knex, { name, encoding }: TimeColumn): Knex.Raw {
  const reference = sessionColumn(name);
  return knex.raw('(?? IS NULL OR ?)', [reference, isUnreadable(knex, encoding, reference)]);
}

/**
 * Whether the session is active. Better Auth reads an expiry that is no date as an invalid one, `expiresAt < new Date()` is
 * false for it, and it lets the session live (1.7.25, seen with its own adapter and Drizzle). A missing one has expired.
 */
export function isActive(knex: Knex, { name, encoding }: TimeColumn, now: Instant): Knex.Raw {
  const reference = sessionColumn(name);
  const isLater = knex.raw('?? >= ?', [reference, encoding.encode(now)]);
  return encoding.comparesUnreadable
    ? isLater
    : knex.raw('(? OR ?)', [isLater, isUnreadable(knex, encoding, reference)]);
}

/**
 * Whether the moment in a column was before another for certain: it can be read, and at no other hour of a clock that is set
 * back.
 * @param reference the column with the alias of its table
 */
export function surelyBefore(
  knex: Knex,
  { encoding }: Pick<TimeColumn, 'encoding'>,
  reference: string,
  instant: Instant,
): Knex.Raw {
  return knex.raw('(?? < ? AND NOT ?)', [
    reference,
    encoding.encodeSurely(instant),
    isUnreadable(knex, encoding, reference),
  ]);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a key column can hold this text at all; MySQL would take `12abc` for 12, PostgreSQL would fail. */
export function isPossibleKey(key: KeyColumn, value: string): boolean {
  if (key.kind === 'uuid') return UUID.test(value);
  if (key.kind === 'integer')
    return /^(?:0|-?[1-9]\d{0,18})$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value);
  return !value.includes('\0');
}
