import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

const source = join(import.meta.dirname, '../src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(source, name));

/** What each file imports of the others, types and what is loaded later included. */
const imports = new Map(
  files.map((file) => [
    file,
    [...readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+)'/g)].map(([, path = '']) =>
      join(dirname(file), path),
    ),
  ]),
);

/** The way from a file back to itself, if there is one. */
function circleOf(file: string): readonly string[] | undefined {
  const seen = new Set<string>();
  const wayFrom = (at: string): readonly string[] | undefined => {
    for (const next of imports.get(at) ?? []) {
      if (next === file) return [at];
      if (seen.has(next)) continue;
      seen.add(next);
      const way = wayFrom(next);
      if (way !== undefined) return [at, ...way];
    }
    return undefined;
  };
  return wayFrom(file);
}

// The linter's own rules pass over circles of types, which make a reader go round all the same.
it('no file of src imports itself by way of others', () => {
  expect(files.length).toBeGreaterThan(100);
  const circles = files.flatMap((file) => circleOf(file)?.map((one) => one.slice(source.length + 1)) ?? []);
  expect(circles).toEqual([]);
});
