import { randomInt } from 'node:crypto';
import type { Knex } from 'knex';
import { tableReference } from '../../query/table-reference.ts';
import type { TableWalk, WalkedTable } from '../dialect.ts';
import { keyWalk } from '../key-walk.ts';
import { regclassName, TABLE_TREE } from './regclass-name.ts';

interface TableSize {
  readonly pages: number;
  /** Null where the statistics do not say. */
  readonly full_page: number | null;
  readonly most_per_page: number;
  readonly tid_range: boolean;
}

/**
 * The size of a table: the pages of the largest partition or child table; the rows behind one page number, in all
 * partitions together, if the pages are full: by the average width of a row, and at most (a row takes 28 bytes even if
 * it is empty); and whether the server can begin a scan at a page (PostgreSQL 14). The average number of rows per page
 * says nothing about a single page: after a large sweep most pages are empty, and the remaining rows are close
 * together. A row has a header of 24 bytes and a pointer of 4, and begins at a multiple of 8; a page has a header of
 * 24.
 */
const TABLE_SIZE = `
WITH RECURSIVE tree AS (${TABLE_TREE}), part AS (
  SELECT c.oid, n.nspname, c.relname, pg_relation_size(c.oid) AS bytes
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN tree ON tree.oid = c.oid
   WHERE c.relkind = 'r'
), width AS (
  SELECT part.oid, CASE WHEN count(*) = count(s.avg_width) THEN sum((1 - s.null_frac) * s.avg_width) END AS bytes
    FROM part
    JOIN pg_catalog.pg_attribute a ON a.attrelid = part.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = part.nspname AND s.tablename = part.relname
                                   AND s.attname = a.attname AND NOT s.inherited
   WHERE part.bytes > 0
   GROUP BY part.oid
)
SELECT COALESCE(max(part.bytes) / current_setting('block_size')::bigint, 0)::int AS pages,
       (SELECT CASE WHEN count(*) = count(width.bytes)
                    THEN sum((current_setting('block_size')::int - 24) / (4 + 8 * ceil((24 + width.bytes) / 8))) END
          FROM width)::float8 AS full_page,
       (count(*) * (current_setting('block_size')::int / 28))::int AS most_per_page,
       current_setting('server_version_num')::int >= 140000 AS tid_range
  FROM part`;

/** Assumed rows of a full page where the statistics do not say. Then the rows are counted for every piece. */
const GUESSED_FULL_PAGE = 30;

/** A smaller table is read so quickly that the start makes no difference. */
const FEW_PAGES = 30;

/** Walks through the pages of a table, or along its key where an older server cannot begin at a page. */
export async function postgresqlWalk(knex: Knex, table: WalkedTable, alias: string): Promise<TableWalk> {
  const { rows } = await knex.raw<{ rows: [TableSize] }>(TABLE_SIZE, { name: regclassName(table) });
  const [{ pages, full_page: fullPage, most_per_page: mostPerPage, tid_range: hasTidRange }] = rows;
  const reference = tableReference(knex, table, alias);
  if (!hasTidRange) return keyWalk(knex, reference, `${alias}.${table.id.name}`, table.id.kind);
  const column = `${alias}.ctid`;
  // A tuple's address names its page. In a partitioned table it means this page of every partition.
  const tid = (page: number) => `(${String(page)},0)`;
  const between = (first: number, behind: number) =>
    knex.raw('(?? >= CAST(? AS tid) AND ?? < CAST(? AS tid))', [column, tid(first), column, tid(behind)]);

  /** The page before which the wanted number of rows has come, at least the first page. */
  async function behindRows(first: number, behind: number, wanted: number): Promise<number> {
    const found = await knex.raw<{ rows: readonly { readonly page: string }[] }>(
      `SELECT split_part(trim(LEADING '(' FROM CAST(found.tid AS text)), ',', 1) AS page
         FROM (?) found`,
      [
        knex
          .select({ tid: column })
          .from(reference)
          .where(between(first, behind))
          .orderBy(column)
          .limit(1)
          .offset(wanted),
      ],
    );
    const page = found.rows[0]?.page;
    return page === undefined ? behind : Math.max(first + 1, Number(page));
  }

  return {
    async piece(from, wanted, until) {
      const first = Number(from ?? 0);
      const end = until === null ? Infinity : Number(until);
      if (first >= end) return { condition: knex.raw('1 = 0'), most: 0, next: null };
      const step = Math.max(1, Math.floor(wanted / Math.max(1, fullPage ?? GUESSED_FULL_PAGE)));
      const furthest = Math.min(first + step, end);
      const behind = fullPage === null ? await behindRows(first, furthest, wanted) : furthest;
      const isLast = behind >= Math.min(end, pages);
      if (!isLast)
        return { condition: between(first, behind), most: (behind - first) * mostPerPage, next: behind };
      // Rows added since the walk began are after the last page that it knows.
      const condition =
        until === null ? knex.raw('?? >= CAST(? AS tid)', [column, tid(first)]) : between(first, end);
      return { condition, most: null, next: null };
    },

    somewhere: () => Promise.resolve(pages < FEW_PAGES ? null : randomInt(pages)),
  };
}
