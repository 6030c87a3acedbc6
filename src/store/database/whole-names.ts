import { SchemaError } from '../../errors.ts';

/**
 * Whether Knex quotes the name as one identifier. It splits names at a dot and at ` as `, trims them, takes `[1]` for a
 * subscript and `*` for every column, and counts each `?` as a value: `other.session` would be a table of another database.
 */
export function isWholeName(name: string): boolean {
  return name !== '' && name !== '*' && name === name.trim() && !/[.?\0]| as |\[\d+\]/i.test(name);
}

/**
 * Refuses names that a query would read as something else. Only names that queries use are to be given.
 * @param what what has the names, in words that follow one: `of a table`
 * @throws SchemaError for the first such name
 */
export function requireWholeNames(what: string, names: readonly (string | null | undefined)[]): void {
  const split = names.find((name) => name !== null && name !== undefined && !isWholeName(name));
  if (split === undefined) return;
  throw new SchemaError(`sessionctl cannot use the name ${JSON.stringify(split)} ${what}`, {
    hint: 'A name must not contain a dot, a question mark, " as " or a number in square brackets, nor begin or end with a space. Rename it.',
  });
}
