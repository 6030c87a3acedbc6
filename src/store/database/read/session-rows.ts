import type { Instant } from '../../../sessions/instant.ts';
import type { Selection } from '../../../sessions/selection.ts';
import { isPossibleKey, selectionCondition, sessionColumn, SESSION } from '../query/conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { Value } from '../dialects/dialect.ts';
import { tableReference } from '../query/table-reference.ts';
import { readTime } from '../query/read-time.ts';
import { LOOKED_UP_AT_ONCE } from '../query/users.ts';

/** A row with the credential that finds it in secondary storage. The token is never shown. */
export interface TokenRow {
  readonly id: string;
  readonly token: string;
}

/** The fields that rank a row among those of its user. */
export interface DatedRow {
  readonly id: string;
  readonly userId: string | null;
  readonly createdAt: Instant | null;
}

/** Rows of sessions with their tokens, for comparison with another store. */
export interface SessionRows {
  /** The rows with these ids, with their users and the times at which they began. */
  datedRows(ids: readonly string[]): Promise<readonly DatedRow[]>;
  /** The rows with these ids. */
  tokenRows(ids: readonly string[]): Promise<readonly TokenRow[]>;
  /** The ids of the rows with these tokens. */
  idsOf(tokens: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The next rows of a selection in the order of their ids. Rows may be deleted between two pages. */
  nextRows(selection: Selection, after: string | null, limit: number): Promise<readonly TokenRow[]>;
}

export function createSessionRows({ knex, dialect, shape, now, guard }: DatabaseStoreParts): SessionRows {
  const { session: table } = shape;
  const id = sessionColumn(table.id.name);
  const rows = () =>
    knex.select({ id, token: sessionColumn(table.token) }).from(tableReference(knex, table, SESSION));
  const read = (query: ReturnType<typeof rows>) =>
    guard(async () => {
      const found = (await query) as readonly { readonly id: Value; readonly token: Value }[];
      return found.map((row) => ({ id: String(row.id), token: String(row.token) }));
    });
  const rowsWith = async (key: typeof table.id, values: readonly string[]): Promise<readonly TokenRow[]> => {
    const possible = values.filter((each) => isPossibleKey(key, each));
    const found: TokenRow[] = [];
    for (let from = 0; from < possible.length; from += LOOKED_UP_AT_ONCE) {
      const some = possible.slice(from, from + LOOKED_UP_AT_ONCE);
      found.push(...(await read(rows().where(dialect.keyIn(knex, sessionColumn(key.name), key, some)))));
    }
    return found;
  };

  return {
    datedRows: (ids) =>
      guard(async () => {
        const possible = ids.filter((each) => isPossibleKey(table.id, each));
        const found: DatedRow[] = [];
        for (let from = 0; from < possible.length; from += LOOKED_UP_AT_ONCE) {
          const some = possible.slice(from, from + LOOKED_UP_AT_ONCE);
          const dated = (await knex
            .select({
              id,
              userId: sessionColumn(table.userId.name),
              createdAt: dialect.exactly(knex, sessionColumn(table.createdAt.name)),
            })
            .from(tableReference(knex, table, SESSION))
            .where(dialect.keyIn(knex, id, table.id, some))) as readonly Readonly<
            Record<'id' | 'userId' | 'createdAt', Value>
          >[];
          for (const row of dated)
            found.push({
              id: String(row.id),
              userId: row.userId === null ? null : String(row.userId),
              createdAt: readTime(row.createdAt, table.createdAt).at,
            });
        }
        return found;
      }),

    tokenRows: (ids) => rowsWith(table.id, ids),

    async idsOf(tokens) {
      const named = await rowsWith({ name: table.token, kind: 'text' }, tokens);
      return new Map(named.map(({ id: own, token }) => [token, own]));
    },

    nextRows(selection, after, limit) {
      const condition = selectionCondition({ knex, dialect, table, now }, selection);
      const page = rows().where(condition).orderBy(id).limit(limit);
      return read(after === null ? page : page.where(id, '>', after));
    },
  };
}
