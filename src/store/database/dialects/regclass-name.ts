/** A table, its partitions and the tables that inherit from it, by their oid: `:name` is a `regclassName`. */
export const TABLE_TREE = `
SELECT CAST(:name AS regclass)::oid AS oid
 UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON tree.oid = i.inhparent`;

/** A table as PostgreSQL's `regclass` reads it, whatever its name. */
export function regclassName({
  schema,
  name,
}: {
  readonly schema: string | null;
  readonly name: string;
}): string {
  return [schema, name]
    .filter((part) => part !== null)
    .map(quoted)
    .join('.');
}

/** A name as an identifier of PostgreSQL, in one piece. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
