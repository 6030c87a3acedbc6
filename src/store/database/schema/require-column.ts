import { SchemaError } from '../../../errors.ts';
import type { OptionalField } from '../../../sessions/reading-store.ts';
import { tableLabel } from './catalog.ts';
import type { SessionTable, UserTable } from './shape.ts';

/**
 * The column of a field that a deployment may lack.
 * @param asked the option that needs it, as it is typed: `--ip`
 * @throws SchemaError where there is none: a condition that cannot be checked must not count as false
 */
export function requireColumn<Field extends OptionalField>(
  table: SessionTable,
  field: Field,
  asked: string,
): NonNullable<SessionTable[Field]> {
  const column = table[field];
  if (column !== null) return column;
  const others = table.unrecognised.length === 0 ? '' : ` Not recognised: ${table.unrecognised.join(', ')}.`;
  const plugin =
    field === 'impersonatedBy'
      ? ' Without the admin plugin the table has no such column: leave the option out.'
      : '';
  throw new SchemaError(`${tableLabel(table)} has no column for ${field}, which ${asked} needs`, {
    hint: `Name it in the profile: [profiles.<name>.schema] columns = { ${field} = "…" }.${others}${plugin}`,
  });
}

/**
 * @param withoutId a user table that cannot be used, since none of its columns is recognised as the id
 * @throws SchemaError where no column holds the e-mail addresses of users
 */
export function requireEmail(user: UserTable | null, asked: string, withoutId: string | null = null): string {
  if (user?.email !== null && user?.email !== undefined) return user.email;
  const [lacks, key] =
    withoutId !== null
      ? [`${withoutId} has no column that is recognised as the id of a user`, 'user_columns = { id = "…" }']
      : user === null
        ? ['there is no user table', 'user_table = "…"']
        : [`${tableLabel(user)} has no column for email`, 'user_columns = { email = "…" }'];
  throw new SchemaError(`${lacks}, which ${asked} needs`, {
    hint: `Name it in the profile: [profiles.<name>.schema] ${key}.`,
  });
}
