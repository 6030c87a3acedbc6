import type { Knex } from 'knex';
import type { Selection } from '../../../../sessions/selection.ts';
import { isPossibleKey, selectionCondition, SESSION, sessionColumn } from '../../query/conditions.ts';
import type { ConditionParts } from '../../parts.ts';
import type { Dialect } from '../../dialects/dialect.ts';
import type { KeyColumn } from '../../schema/shape.ts';
import { tableReference } from '../../query/table-reference.ts';

/** Whether a column holds the id of one of the selected users. */
export type Owners = (column: string, key: KeyColumn) => Knex.Raw;

/** The users with these ids; at most as many as fit in a statement. */
export function ownersNamed(
  { knex, dialect }: { readonly knex: Knex; readonly dialect: Dialect },
  userIds: readonly string[],
): Owners {
  return (column, key) => {
    const possible = userIds.filter((id) => isPossibleKey(key, id));
    return possible.length === 0 ? knex.raw('1 = 0') : dialect.keyIn(knex, column, key, possible);
  };
}

/** The users of selected sessions. Keys may be of different kinds, and are compared as text. */
export function ownersOfSessions(parts: ConditionParts, selection: Selection): Owners {
  const { knex, dialect, table } = parts;
  return (column) =>
    knex.raw('? IN (?)', [
      dialect.asText(knex, column),
      knex
        .select(dialect.asText(knex, sessionColumn(table.userId.name)))
        .from(tableReference(knex, table, SESSION))
        .where(selectionCondition(parts, selection)),
    ]);
}
