import type { ConditionParts } from '../parts.ts';
import type { Knex } from 'knex';
import { expiryAfterRefresh } from '../../../sessions/activity.ts';
import { keyRangesOf } from '../../../sessions/address.ts';
import { millisecondsOf, toInstant, type Instant } from '../../../sessions/instant.ts';
import type { Selection } from '../../../sessions/selection.ts';
import { requireColumn } from '../schema/require-column.ts';
import type { KeyColumn, SessionTable, TimeColumn } from '../schema/shape.ts';
import { surplusCondition } from './surplus.ts';
import { isUnreadable } from '../schema/unreadable-time.ts';

/** The alias of the session table in every query. */
export const SESSION = 's';

/** The alias of a plugin's table in queries that also use the sessions. */
export const OTHER = 'o';

/** `alias.column`, for Knex to quote. */
export function sessionColumn(name: string): string {
  return `${SESSION}.${name}`;
}

/**
 * How a comparison treats a time that is absent or unreadable: `exclude` selects only rows that match for certain,
 * `include` also rows that may match.
 */
export type UnreadableTimes = 'include' | 'exclude';

/**
 * The selection as one condition on the session table, aliased as `s`. Reading and changing use the same condition.
 * @throws SchemaError where the table lacks a column that the selection needs
 */
export function selectionCondition(
  parts: ConditionParts,
  selection: Selection,
  unreadableTimes: UnreadableTimes = 'exclude',
): Knex.Raw {
  return allOf(parts.knex, [...conditions(parts, selection, unreadableTimes)]);
}

/** All of the conditions; true if there are none. */
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
  // An absent value makes a condition neither true nor false. A row that is not excepted for certain stays selected.
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
    // Digits after the milliseconds do not count. A session without a readable date counts as present.
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

/** An unreadable address matches no `ips`, and may match `exceptIps`. */
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

/** The limits on times that all sessions of the selection meet. */
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

/** Whether a time is absent or unreadable. */
export function isUnknown(knex: Knex, { name, encoding }: TimeColumn): Knex.Raw {
  const reference = sessionColumn(name);
  return knex.raw('(?? IS NULL OR ?)', [reference, isUnreadable(knex, encoding, reference)]);
}

/**
 * Whether the session is active. Better Auth reads an expiry that is no date as an invalid date. `expiresAt < new
 * Date()` is then false, so the session stays valid (1.7.25, seen with its own adapter and Drizzle). A session without
 * an expiry has expired.
 */
export function isActive(knex: Knex, { name, encoding }: TimeColumn, now: Instant): Knex.Raw {
  const reference = sessionColumn(name);
  const isLater = knex.raw('?? >= ?', [reference, encoding.encode(now)]);
  return encoding.comparesUnreadable
    ? isLater
    : knex.raw('(? OR ?)', [isLater, isUnreadable(knex, encoding, reference)]);
}

/**
 * Whether the time in a column was certainly before another: it is readable, and not within an hour that occurs twice
 * because the clock was set back.
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

/** Whether a key column can hold this text. MySQL would read `12abc` as 12, and PostgreSQL would fail. */
export function isPossibleKey(key: KeyColumn, value: string): boolean {
  if (key.kind === 'uuid') return UUID.test(value);
  if (key.kind === 'integer')
    return /^(?:0|-?[1-9]\d{0,18})$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value);
  return !value.includes('\0');
}
