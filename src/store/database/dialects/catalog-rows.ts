import type { CatalogTable, CatalogView, ColumnKind } from '../catalog.ts';

/** One column of a table, as MySQL and SQLite list them; all null where there is no table. */
export interface CatalogRow {
  readonly table_name: string | null;
  /** `table`, or what it is instead, in words. */
  readonly table_kind: string | null;
  readonly column_name: string;
  readonly data_type: string;
  /** MySQL's remarks on a column, such as `on update current_timestamp(3)`. */
  readonly extra?: string | null;
  /** The table that a foreign key of this column alone refers to. */
  readonly referenced_table: string | null;
}

/** Stand in every row, so that they come even where no table does. */
export interface ServerFacts {
  readonly now: string;
  readonly version: string;
  /** Of MySQL and MariaDB, as a number. */
  readonly read_only?: number | string;
}

/** Puts rows, a table's all next to each other and its columns in order, together into tables. */
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

/** What among the rows is no table. */
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
