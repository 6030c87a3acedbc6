/** The oids of a table, its partitions and the tables that inherit from it: `:name` is a `regclassName`. */
export const TABLE_TREE = `
SELECT CAST(:name AS regclass)::oid AS oid
 UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON tree.oid = i.inhparent`;

/** Any table's name in the form that PostgreSQL's `regclass` reads. */
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

/** A name quoted as one PostgreSQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
