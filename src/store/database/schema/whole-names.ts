import { SchemaError } from '../../../errors.ts';

/**
 * Whether Knex quotes the name as one identifier. It splits names at a dot and at ` as `, trims them, reads `[1]` as a
 * subscript and `*` as every column, and counts each `?` as a value: `other.session` would be a table of another
 * database.
 */
export function isWholeName(name: string): boolean {
  return name !== '' && name !== '*' && name === name.trim() && !/[.?\0]| as |\[\d+\]/i.test(name);
}

/**
 * Refuses names that a query would misread. Pass only names that queries use.
 * @param what the owner of the names, in words that follow a name: `of a table`
 * @throws SchemaError for the first such name
 */
export function requireWholeNames(what: string, names: readonly (string | null | undefined)[]): void {
  const split = names.find((name) => name !== null && name !== undefined && !isWholeName(name));
  if (split === undefined) return;
  throw new SchemaError(`sessionctl cannot use the name ${JSON.stringify(split)} ${what}`, {
    hint: 'A name must not contain a dot, a question mark, " as " or a number in square brackets, nor begin or end with a space. Rename it.',
  });
}
