import type { Knex } from 'knex';
import { ConfigError, SchemaError } from '../../../errors.ts';
import { generateIdLike, type NewSession, type SessionCreation } from '../../../sessions/creation.ts';
import { wholeSecond, type Instant } from '../../../sessions/instant.ts';
import { tableLabel, type CatalogTable } from '../schema/catalog.ts';
import { SESSION, sessionColumn } from '../query/conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { Value } from '../dialects/dialect.ts';
import type { InsertColumn } from '../dialects/insert-dialect.ts';
import { readRecord, type FieldRecord } from '../read/field-record.ts';
import { rehearseRight } from '../end/rehearse-right.ts';
import type { TimeColumn } from '../schema/shape.ts';
import { tableReference } from '../query/table-reference.ts';
import { requireWholeNames } from '../schema/whole-names.ts';
import { dialects } from '../dialects/dialects.ts';

/** Creates rows of sessions. */
export interface DatabaseCreation extends Pick<SessionCreation, 'check' | 'rehearse' | 'remove'> {
  /**
   * Adds a row in one transaction with the work before its commit: if that work fails, there is no row.
   * @param beforeCommit receives the row as Better Auth would hold it. It may run again after a lock conflict
   * @returns the id
   */
  insert(session: NewSession, beforeCommit: (record: FieldRecord) => Promise<void>): Promise<string>;
}

export interface CreatingParts extends DatabaseStoreParts {
  readonly catalog: CatalogTable;
}

export function createDatabaseCreation(parts: CreatingParts): DatabaseCreation {
  const { knex, dialect, shape, target, guard, persist, catalog } = parts;
  const { session: table } = shape;
  const reference = tableReference(knex, table, SESSION);
  let columns: Promise<readonly InsertColumn[]> | undefined;
  const readColumns = () =>
    (columns ??= guard(async () => (await dialects[dialect.name].insert()).columns(knex, table)));
  /** The database gives a key that is a number, and any other key that has a default. */
  const givesId = async () => {
    const own = (await readColumns()).find(({ name }) => name === table.id.name);
    return table.id.kind === 'integer' || (table.id.kind === 'uuid' && own?.hasDefault === true);
  };
  const given = async () => [
    ...((await givesId()) ? [] : [table.id.name]),
    ...[table.userId, table.expiresAt, table.createdAt, table.updatedAt].map(({ name }) => name),
    table.token,
    ...[table.ipAddress, table.userAgent].filter((name) => name !== null),
  ];
  const byToken = (on: Knex, token: string) =>
    dialect.keyIn(on, sessionColumn(table.token), { name: table.token, kind: 'text' }, [token]);

  return {
    async check() {
      requireWholeNames(
        `of a column of ${tableLabel(table)}`,
        catalog.columns.map(({ name }) => name),
      );
      if (![table.expiresAt, table.createdAt, table.updatedAt].every(({ encoding }) => encoding.zoneKnown)) {
        throw new ConfigError(
          'times are stored without a time zone, and none is configured: the session could expire hours early or late',
          {
            hint: 'Give --time-zone, or set time_zone in the profile, to the zone of the application that writes, such as UTC.',
          },
        );
      }
      const written = new Set(await given());
      const missing = (await readColumns()).filter(({ name, required }) => required && !written.has(name));
      if (missing.length === 0) return;
      const names = missing.map(({ name }) => name).join(', ');
      throw new SchemaError(
        `${tableLabel(table)} of ${target.database} has columns that need a value that only the application knows: ${names}`,
        {
          hint: 'Nothing was changed. Give them a default in the database, or sign in through the application.',
        },
      );
    },

    async rehearse() {
      const names = await given();
      const places = names.map(() => '??').join(', ');
      const into = table.schema === null ? '??' : '??.??';
      const name = table.schema === null ? [table.name] : [table.schema, table.name];
      const statement = () =>
        knex.raw(`INSERT INTO ${into} (${places}) SELECT ${places} FROM ? WHERE 1 = 0`, [
          ...name,
          ...names,
          ...names.map(sessionColumn),
          reference,
        ]);
      await guard(() => rehearseRight(parts, `INSERT on ${tableLabel(table)}`, statement));
    },

    async insert(session, beforeCommit) {
      const id = (await givesId()) ? null : generateIdLike(await knownIds(session.userId));
      const row: Record<string, Value> = {
        [table.userId.name]: session.userId,
        [table.token]: session.token,
        [table.expiresAt.name]: stored(table.expiresAt, session.expiresAt),
        [table.createdAt.name]: stored(table.createdAt, session.createdAt),
        [table.updatedAt.name]: stored(table.updatedAt, session.createdAt),
        ...(id === null ? {} : { [table.id.name]: id }),
        // The value that Better Auth writes without a request, if the column can hold it.
        ...(table.ipAddress === null ? {} : { [table.ipAddress]: holdsText(table.ipAddress) ? '' : null }),
        ...(table.userAgent === null ? {} : { [table.userAgent]: session.userAgent }),
      };
      return persist(() =>
        dialect.transaction(knex, async (on) => {
          // If the connection broke during a commit that succeeded, the row exists and is not added again.
          if ((await idOf(on, session.token)) === null) {
            const { schema, name } = table;
            const into = schema === null ? on.from(name) : on.withSchema(schema).from(name);
            await into.insert(row);
          }
          const record = await readRecord({ ...parts, knex: on }, catalog, fields(), {
            reference: tableReference(on, table, SESSION),
            alias: SESSION,
            where: byToken(on, session.token),
          });
          if (record === null) throw new Error('the added row is missing');
          await beforeCommit(record);
          return String(record['id']);
        }),
      );
    },

    async remove(token) {
      await persist(() =>
        dialect.single(knex, (on) =>
          Promise.resolve(
            on.raw('? WHERE ?', [
              dialect.deleteFrom(on, tableReference(on, table, SESSION), SESSION),
              byToken(on, token),
            ]),
          ),
        ),
      );
    },
  };

  function holdsText(column: string): boolean {
    return catalog.columns.some(({ name, kind }) => name === column && kind === 'text');
  }

  async function idOf(on: Knex, token: string): Promise<string | null> {
    const [row] = (await on
      .select({ id: sessionColumn(table.id.name) })
      .from(tableReference(on, table, SESSION))
      .where(byToken(on, token))) as { id: Value }[];
    return row === undefined ? null : String(row.id);
  }

  /** A few existing ids, to learn their format; ids of users where there is no session yet. */
  async function knownIds(userId: string): Promise<readonly string[]> {
    const rows = (await guard(async () =>
      knex
        .select({ id: sessionColumn(table.id.name) })
        .from(reference)
        .limit(5),
    )) as { id: Value }[];
    return rows.length === 0 ? [userId] : rows.map(({ id }) => String(id));
  }

  function fields(): Readonly<Record<string, string>> {
    const named: readonly (readonly [string | null | undefined, string])[] = [
      [table.id.name, 'id'],
      [table.userId.name, 'userId'],
      [table.token, 'token'],
      [table.expiresAt.name, 'expiresAt'],
      [table.createdAt.name, 'createdAt'],
      [table.updatedAt.name, 'updatedAt'],
      [table.ipAddress, 'ipAddress'],
      [table.userAgent, 'userAgent'],
      [table.impersonatedBy?.name, 'impersonatedBy'],
      [table.activeOrganizationId, 'activeOrganizationId'],
    ];
    return Object.fromEntries(
      named.flatMap(([column, field]) => (column === null || column === undefined ? [] : [[column, field]])),
    );
  }
}

/** A column of whole seconds cannot hold a fraction. */
function stored({ encoding }: TimeColumn, instant: Instant): string | number {
  const value = encoding.encode(instant);
  return typeof value === 'number' && !Number.isInteger(value)
    ? encoding.encode(wholeSecond(instant))
    : value;
}
