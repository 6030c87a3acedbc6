import type { SchemaNames } from '../../../config/settings.ts';
import { isPossibleKey } from '../query/conditions.ts';
import { readRecord, type FieldRecord, type RecordParts } from './field-record.ts';
import type { UserTable } from '../schema/shape.ts';
import { tableReference } from '../query/table-reference.ts';
import { USER } from '../query/users.ts';

/** A user in the form that Better Auth writes beside a session in secondary storage; null if no user has this id. */
export async function readUserRecord(
  parts: RecordParts,
  user: UserTable,
  { userColumns }: Pick<SchemaNames, 'userColumns'>,
  id: string,
): Promise<FieldRecord | null> {
  if (!isPossibleKey(user.id, id)) return null;
  const fields = Object.fromEntries(Object.entries(userColumns).map(([field, column]) => [column, field]));
  return readRecord(parts, user.catalog, fields, {
    reference: tableReference(parts.knex, user, USER),
    alias: USER,
    where: parts.dialect.keyIn(parts.knex, `${USER}.${user.id.name}`, user.id, [id]),
  });
}
