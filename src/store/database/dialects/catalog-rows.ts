import type { CatalogTable, CatalogView, ColumnKind } from '../schema/catalog.ts';

/** One column of a table, as MySQL and SQLite list it; all null where there is no table. */
export interface CatalogRow {
  readonly table_name: string | null;
  /** `table`, or the kind of relation. */
  readonly table_kind: string | null;
  readonly column_name: string;
  readonly data_type: string;
  /** MySQL's notes on a column, such as `on update current_timestamp(3)`. */
  readonly extra?: string | null;
  /** The table that a foreign key on this column alone refers to. */
  readonly referenced_table: string | null;
}

/** Repeated in every row, so that they arrive even if there is no table. */
export interface ServerFacts {
  readonly now: string;
  readonly version: string;
  /** Of MySQL and MariaDB, as a number. */
  readonly read_only?: number | string;
}

/** Groups rows into tables. All rows of a table are adjacent, and its columns are in order. */
export function collectTables(
  rows: readonly CatalogRow[],
  kindOf: (type: string) => ColumnKind,
): readonly CatalogTable[] {
  const names = namesIn(rows.filter(({ table_kind: kind }) => kind === 'table'));
  return names.map((name) => {
    const own = rows.filter((row) => row.table_name === name);
    return {
      schema: null,
      name,
      columns: own.map((row) => ({
        name: row.column_name,
        type: row.data_type,
        kind: kindOf(row.data_type),
        onUpdate: /\bon update\b/i.test(row.extra ?? ''),
      })),
      references: own.flatMap((row) =>
        row.referenced_table === null
          ? []
          : [{ column: row.column_name, schema: null, table: row.referenced_table }],
      ),
    };
  });
}

/** The rows' relations that are not tables. */
export function collectViews(rows: readonly CatalogRow[]): readonly CatalogView[] {
  return namesIn(rows.filter(({ table_kind: kind }) => kind !== 'table')).map((name) => ({
    schema: null,
    name,
    kind: rows.find((row) => row.table_name === name)?.table_kind ?? 'view',
  }));
}

function namesIn(rows: readonly CatalogRow[]): readonly string[] {
  return [...new Set(rows.map((row) => row.table_name))].filter((name) => name !== null);
}
