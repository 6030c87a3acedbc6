import type { Knex } from 'knex';
import type { Instant } from '../../../sessions/instant.ts';
import type { UserStanding } from '../../../sessions/standing.ts';
import { isPossibleKey } from '../query/conditions.ts';
import type { Dialect, Value } from '../dialects/dialect.ts';
import type { UserTable } from '../schema/shape.ts';
import { readTime } from '../query/read-time.ts';
import { tableReference } from '../query/table-reference.ts';
import { USER } from '../query/users.ts';

export interface UserStandingParts {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly timeZone: string | null;
  /** The database's clock: a ban with an earlier end has ended. */
  readonly now: Instant;
}

/**
 * Whether a user has this id and is banned (better-auth 1.7.25, `plugins/admin`: `banned`, until `banExpires`).
 * @throws SchemaError where the format of the end of a ban is unknown
 */
export async function userStanding(
  { knex, dialect, timeZone, now }: UserStandingParts,
  user: UserTable,
  id: string,
): Promise<UserStanding> {
  const gone: UserStanding = { exists: false, banned: false, banExpires: null };
  if (!isPossibleKey(user.id, id)) return gone;
  const column = (name: string) => `${USER}.${name}`;
  const read = ({ banned, banExpires }: { banned: string | null; banExpires: string | null }) => {
    const query = knex
      .select([
        column(user.id.name),
        ...[banned, banExpires].map((name) => (name === null ? knex.raw('NULL') : column(name))),
      ])
      .from(tableReference(knex, user, USER))
      .where(dialect.keyIn(knex, column(user.id.name), user.id, [id]))
      .limit(1);
    return onlyRow(dialect, knex, query);
  };
  const { banned, banExpires } = user;
  const row = await read({ banned: banned?.name ?? null, banExpires: banExpires?.name ?? null });
  if (row === null) return gone;
  const [, flag = null, ends = null] = row;
  if (!isTrue(flag)) return { ...gone, exists: true };
  if (banExpires === null || ends === null) return { exists: true, banned: true, banExpires: null };
  const [encoding] = await dialect.timeEncodings(knex, user.catalog, [banExpires], timeZone);
  // As in Better Auth's comparison, a ban whose end is not a date does not end.
  const until = encoding === undefined ? null : readTime(ends, { encoding }).at;
  return { exists: true, banned: until === null || until >= now, banExpires: until };
}

/**
 * Streamed, so that times arrive as the text that the server wrote.
 * @returns null where there is none
 */
export async function onlyRow(
  dialect: Dialect,
  knex: Knex,
  query: Knex.QueryBuilder,
): Promise<readonly Value[] | null> {
  const native = { ...query.toSQL().toNative(), limited: true };
  for await (const [row] of dialect.stream(knex, native)) if (row !== undefined) return row;
  return null;
}

/** The forms of a boolean: `t`, 1, and Drizzle's text in SQLite. */
function isTrue(value: Value): boolean {
  return ['t', 'true', '1'].includes(String(value).toLowerCase());
}
