import type { Knex } from 'knex';
import { SchemaError } from '../../../errors.ts';
import { normalise, tableLabel, type CatalogColumn, type CatalogTable } from '../schema/catalog.ts';
import type { Dialect, Value } from '../dialects/dialect.ts';
import { readTime } from '../query/read-time.ts';
import { onlyRow } from './user-standing.ts';
import { requireWholeNames } from '../schema/whole-names.ts';
import { dialects } from '../dialects/dialects.ts';

/** A row under Better Auth's own field names, in the form that Better Auth would write as JSON. */
export type FieldRecord = Readonly<Record<string, unknown>>;

export interface RecordParts {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly timeZone: string | null;
}

/** Boolean fields of Better Auth 1.7 and its plugins: SQLite stores them as numbers. */
const BOOLEANS = ['emailVerified', 'banned', 'twoFactorEnabled', 'phoneNumberVerified', 'isAnonymous'];
const TIMES = ['createdAt', 'updatedAt', 'expiresAt', 'banExpires'];
/** Fields whose names differ between deployments only in their spelling. */
const KNOWN = [
  ...BOOLEANS, ...TIMES, 'id', 'name', 'email', 'image', 'role', 'banReason', 'username', 'displayUsername', 'phoneNumber',
  'token', 'userId', 'ipAddress', 'userAgent', 'impersonatedBy', 'activeOrganizationId', 'activeTeamId',
]; // prettier-ignore
/** Always text, for a column of any type: Better Auth uses numeric keys only inside the database. */
const KEYS = ['id', 'userId', 'impersonatedBy', 'activeOrganizationId', 'activeTeamId'];

/**
 * The row of a table under the names of fields.
 * @param fields column → field, where that is known
 * @param from the table, under an alias
 * @returns null where there is no such row
 * @throws SchemaError for a column whose name cannot be quoted as one piece
 */
export async function readRecord(
  { knex, dialect, timeZone }: RecordParts,
  table: CatalogTable,
  fields: Readonly<Record<string, string>>,
  from: { readonly reference: Knex.Raw; readonly alias: string; readonly where: Knex.Raw },
): Promise<FieldRecord | null> {
  const { columns } = table;
  requireWholeNames(
    `of a column of ${tableLabel(table)}`,
    columns.map(({ name }) => name),
  );
  const query = knex
    .select(columns.map(({ name }) => `${from.alias}.${name}`))
    .from(from.reference)
    .where(from.where)
    .limit(1);
  const row = await onlyRow(dialect, knex, query);
  if (row === null) return null;
  const insertDialect = await dialects[dialect.name].insert();
  const isSnake = columns.some(({ name }) => /^[a-z]+_[a-z_]+$/.test(name));
  const record: Record<string, unknown> = {};
  for (const [at, column] of columns.entries()) {
    const field = fields[column.name] ?? fieldName(column.name, isSnake);
    const value = row[at] ?? null;
    const time = isTime(column, field) ? await momentOf(column, value) : undefined;
    record[field] =
      time ?? (value === null ? null : plain(field, insertDialect.fieldValue(column.type, value)));
  }
  return record;

  async function momentOf(column: CatalogColumn, value: Value): Promise<string | undefined> {
    if (value === null) return undefined;
    try {
      const [encoding] = await dialect.timeEncodings(knex, table, [column], timeZone);
      return encoding === undefined ? undefined : (readTime(value, { encoding }).at ?? undefined);
    } catch (error) {
      // A value that cannot be read is returned as it is.
      if (error instanceof SchemaError) return undefined;
      throw error;
    }
  }
}

function isTime({ kind, type }: CatalogColumn, field: string): boolean {
  return (
    kind === 'zoned time' ||
    kind === 'zoneless time' ||
    /^date|^timestamp/i.test(type) ||
    TIMES.includes(field)
  );
}

function plain(field: string, value: unknown): unknown {
  if (KEYS.includes(field)) return String(value);
  return BOOLEANS.includes(field) && (value === 0 || value === 1) ? value === 1 : value;
}

function fieldName(column: string, isSnake: boolean): string {
  const known = KNOWN.find((field) => normalise(field) === normalise(column));
  if (known !== undefined || !isSnake) return known ?? column;
  return column.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
