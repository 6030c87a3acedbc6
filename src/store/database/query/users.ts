import type { Knex } from 'knex';
import type { User } from '../../../sessions/session.ts';
import { isPossibleKey, sessionColumn, SESSION } from './conditions.ts';
import type { Dialect, Value } from '../dialects/dialect.ts';
import { requireEmail } from '../schema/require-column.ts';
import type { SessionTable, UserTable } from '../schema/shape.ts';
import { tableReference } from './table-reference.ts';

/** The alias of the user table in queries. */
export const USER = 'u';

/** Maximum keys in a statement that every database accepts. */
export const LOOKED_UP_AT_ONCE = 1000;

/** The user table, and the sessions that refer to it; null where there is no such table. */
export interface UserShape {
  readonly user: UserTable | null;
  /** A user table that cannot be used, since none of its columns is recognised as the id. */
  readonly usersWithoutId: string | null;
  readonly session: Pick<SessionTable, 'schema' | 'name' | 'userId'> | null;
}

/**
 * Users whose id or e-mail address is `who`, by the rules of `SessionStore.findUsers`.
 * @throws SchemaError for an address where no column holds them
 */
export async function findUsers(
  knex: Knex,
  dialect: Dialect,
  { session, user, usersWithoutId }: UserShape,
  who: string,
): Promise<readonly User[]> {
  const known = user === null ? [] : await usersInTable(knex, dialect, user, who);
  if (known.length === 0 && who.includes('@')) requireEmail(user, 'an e-mail address', usersWithoutId);
  if (known.length > 0 || session === null || !isPossibleKey(session.userId, who)) return known;
  // A deleted user may have left sessions, if no foreign key deleted them.
  const orphan = (await knex
    .select({ id: sessionColumn(session.userId.name) })
    .from(tableReference(knex, session, SESSION))
    .where(dialect.keyIn(knex, sessionColumn(session.userId.name), session.userId, [who]))
    .limit(1)) as { id: Value }[];
  return orphan.map((row) => ({ id: String(row.id), email: null, name: null }));
}

async function usersInTable(
  knex: Knex,
  dialect: Dialect,
  user: UserTable,
  who: string,
): Promise<readonly User[]> {
  const column = (name: string) => `${USER}.${name}`;
  const read = async (condition: Knex.Raw) => {
    const rows = (await knex
      .select({
        id: column(user.id.name),
        email: user.email === null ? knex.raw('NULL') : column(user.email),
        name: user.displayName === null ? knex.raw('NULL') : column(user.displayName),
      })
      .from(tableReference(knex, user, USER))
      .where(condition)
      // Enough to report that a name is ambiguous.
      .limit(5)) as { id: Value; email: Value; name: Value }[];
    return rows.map((row) => ({ id: String(row.id), email: text(row.email), name: text(row.name) }));
  };
  const byId = isPossibleKey(user.id, who)
    ? await read(dialect.keyIn(knex, column(user.id.name), user.id, [who]))
    : [];
  if (user.email === null || !isPossibleKey({ name: user.email, kind: 'text' }, who)) return byId;
  const emailColumn = column(user.email);
  // Better Auth stores addresses in lower case, so the index finds them. Other spellings are searched for only if it
  // finds none.
  const indexed = await read(
    dialect.keyIn(knex, emailColumn, { name: user.email, kind: 'text' }, [who, who.toLowerCase()]),
  );
  const isExact = (one: User) => one.email === who;
  // An address found only in another spelling may also exist in further ones.
  const byEmail = indexed.some(isExact) ? indexed : await read(dialect.isText(knex, emailColumn, who));
  const exact = byEmail.filter(isExact);
  const found = [...byId, ...(exact.length > 0 ? exact : byEmail)];
  return found.filter((one, at) => found.findIndex((other) => other.id === one.id) === at);
}

/** The ids among these that have a user, byte for byte. */
export async function existingUserIds(
  knex: Knex,
  dialect: Dialect,
  user: UserTable,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const column = `${USER}.${user.id.name}`;
  const found = new Set<string>();
  const possible = ids.filter((id) => isPossibleKey(user.id, id));
  for (let from = 0; from < possible.length; from += LOOKED_UP_AT_ONCE) {
    const some = possible.slice(from, from + LOOKED_UP_AT_ONCE);
    const rows = (await knex
      .select({ id: column })
      .from(tableReference(knex, user, USER))
      .where(dialect.keyIn(knex, column, user.id, some))) as { id: Value }[];
    for (const { id } of rows) found.add(String(id));
  }
  return found;
}

function text(value: Value): string | null {
  return value === null ? null : String(value);
}
