import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readPage } from './docs/documents.ts';

const page = 'docs/security.md';
const text = readPage(page);
const promises = text.slice(text.indexOf('## What is shown'), text.indexOf('## Least privileges'));

/** Paragraphs, items of lists and rows of tables; neither headings nor what a table begins with. */
const statements = promises
  .split(/\n(?=\n|- |\|)/)
  .map((statement) => statement.trim())
  .filter((statement) => statement !== '' && !/^(?:#|\| (?:a user who|-))/.test(statement));

const testsIn = (statement: string) =>
  [...statement.matchAll(/\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, path = '']) => path);

it(`${page} makes a promise in each of its statements, or says that it does not`, () => {
  expect(statements.length).toBeGreaterThan(25);
  const bare = statements.filter(
    (statement) => !statement.includes('<!-- no promise -->') && testsIn(statement).length === 0,
  );
  expect(bare).toEqual([]);
});

it(`${page} names tests that exist, by their names`, () => {
  const root = new URL('../', import.meta.url);
  const named = [...text.matchAll(/\[([\w-]+)\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, name, path]) => ({
    name,
    path,
  }));
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter(({ path = '' }) => !existsSync(new URL(path, root)))).toEqual([]);
  expect(named.filter(({ name = '', path = '' }) => !path.includes(`/${name}.`))).toEqual([]);
});
