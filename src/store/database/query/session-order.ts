import type { Knex } from 'knex';
import type { SortField, SortOrder } from '../../../sessions/reading-store.ts';
import { isUnknown, sessionColumn } from './conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import { requireColumn, requireEmail } from '../schema/require-column.ts';
import type { Shape, TimeColumn } from '../schema/shape.ts';
import { USER } from './users.ts';

/**
 * Puts a list in order. When sorted by a time, sessions without it come last in both directions.
 * @throws SchemaError where no column holds the field
 */
export function inOrderOf(
  parts: DatabaseStoreParts,
  list: Knex.QueryBuilder,
  { field, direction }: SortOrder,
): Knex.QueryBuilder {
  const { knex, dialect, shape } = parts;
  const { session: table } = shape;
  const times = timesBehind(parts, field);
  const unknown = times.map((column) => isUnknown(knex, column));
  const column = sortColumn(shape, field);
  const isSent = field === 'ipAddress' || field === 'userAgent';
  const sortKey = isSent ? dialect.sentText(knex, column) : knex.ref(column);
  const key = times.length > 1 ? laterOf(parts) : sortKey;
  const sorted =
    times.length === 0
      ? list
      : list.orderByRaw(`CASE WHEN ${times.map(() => '?').join(' OR ')} THEN 1 ELSE 0 END`, unknown);
  const ordered = sorted.orderByRaw(`? ${direction}`, [key]);
  // Without a second key, equal values would come in a different order each time.
  return field === 'id' ? ordered : ordered.orderBy(sessionColumn(table.id.name), direction);
}

/** The columns that a time is read from; none for other fields. */
function timesBehind(
  { shape: { session: table }, expiresIn }: DatabaseStoreParts,
  field: SortField,
): readonly TimeColumn[] {
  if (field === 'lastActiveAt')
    return expiresIn === null ? [table.updatedAt] : [table.updatedAt, table.expiresAt];
  return field === 'createdAt' || field === 'updatedAt' || field === 'expiresAt' ? [table[field]] : [];
}

/** The activity in milliseconds, by the rules of `activityOf`: the two columns may have different encodings. */
function laterOf({ knex, dialect, shape: { session: table }, expiresIn }: DatabaseStoreParts): Knex.Raw {
  const milliseconds = (column: TimeColumn) => {
    const reference = sessionColumn(column.name);
    // Some unreadable values would end the query with an error.
    return knex.raw('CASE WHEN ? THEN NULL ELSE ? END', [
      isUnknown(knex, column),
      dialect.milliseconds(knex, reference, column.encoding),
    ]);
  };
  const updatedAt = milliseconds(table.updatedAt);
  const refreshedAt = knex.raw('(? - ?)', [milliseconds(table.expiresAt), expiresIn]);
  return knex.raw('CASE WHEN ? > ? THEN ? ELSE ? END', [updatedAt, refreshedAt, updatedAt, refreshedAt]);
}

/** @throws SchemaError where there is none */
export function sortColumn({ session, user }: Shape, field: SortField): string {
  switch (field) {
    case 'id':
      return sessionColumn(session.id.name);
    case 'userId':
      return sessionColumn(session.userId.name);
    case 'lastActiveAt':
      return sessionColumn(session.updatedAt.name);
    case 'createdAt':
    case 'updatedAt':
    case 'expiresAt':
      return sessionColumn(session[field].name);
    case 'ipAddress':
    case 'userAgent':
      return sessionColumn(requireColumn(session, field, `--sort ${field}`));
    case 'userEmail':
      return `${USER}.${requireEmail(user, '--sort userEmail')}`;
    default:
      return field satisfies never;
  }
}
