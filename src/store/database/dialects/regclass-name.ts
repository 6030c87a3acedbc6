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
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}
