import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { validate } from 'dockerfile-utils';
import { array, object, optional, parse, record, string } from 'valibot';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const Packages = optional(record(string(), string()), {});
const about = parse(
  object({ dependencies: Packages, optionalDependencies: Packages, devDependencies: Packages }),
  JSON.parse(read('package.json')),
);
const Bill = object({
  components: array(
    object({
      group: optional(string()),
      name: string(),
      version: string(),
      licenses: array(object({ license: optional(object({ id: optional(string()) })) })),
    }),
  ),
});

/** Those that ask for nothing but to be passed on with the code, which THIRD-PARTY-LICENSES.txt does. */
const permissive = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];

const nameOf = ({ group, name }: { group?: string | undefined; name: string }): string =>
  group === undefined ? name : `${group}/${name}`;

test('the bill of materials is valid, and names what the licences of the bundle are of and the SQLite driver', async () => {
  const text = read('dist/sbom.cdx.json');
  await expect(new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).resolves.toBeNull();
  const { components } = parse(Bill, JSON.parse(text));
  const driver = components.filter(({ name }) => name === 'better-sqlite3');
  expect(driver).toHaveLength(1);
  const noticed = [...read('dist/THIRD-PARTY-LICENSES.txt').matchAll(/^={80}\n(\S+ \S+) \(/gm)].map(
    (match) => match[1],
  );
  expect(noticed.length).toBeGreaterThan(50);
  expect(
    components
      .filter((component) => !driver.includes(component))
      .map((component) => `${nameOf(component)} ${component.version}`)
      .sort(),
  ).toEqual(noticed.sort());
});

test('whatever is passed on is under a permissive licence', () => {
  const { components } = parse(Bill, JSON.parse(read('dist/sbom.cdx.json')));
  const others = components.filter(
    ({ licenses }) =>
      licenses.length === 0 || !licenses.every(({ license }) => permissive.includes(license?.id ?? '')),
  );
  expect(others.map(nameOf)).toEqual([]);
});

test('every dependency has its reason in CONTRIBUTING.md, and no other package has one', () => {
  const section = /^## Dependencies\n(.*?)^## /ms.exec(read('CONTRIBUTING.md'))?.[1] ?? '';
  const named = [...section.matchAll(/^\| ([^|]+?) +\|/gm)]
    .map((match) => match[1] ?? '')
    .filter((cell) => cell !== 'package' && !cell.startsWith('--'))
    .flatMap((cell) => cell.split(', '))
    .map((name) => name.replace(/ .*$/, ''));
  expect(named.sort()).toEqual(
    Object.keys({
      ...about.dependencies,
      ...about.optionalDependencies,
      ...about.devDependencies,
    }).sort(),
  );
});

test('the Dockerfile has no mistake, takes what is there, and runs the program as no root and without a shell', () => {
  const text = read('Dockerfile');
  expect(validate(text).map(({ message }) => message)).toEqual([]);
  const admitted = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    (match) => match[1]?.split(' ') ?? [],
  );
  expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  expect(copied.sort()).toEqual(admitted.sort());
  // The stage that stays.
  const last = text.slice(text.lastIndexOf('\nFROM '));
  expect(last).toMatch(/^USER node$/m);
  expect(last).toMatch(/^ENTRYPOINT \["sessionctl"\]$/m);
});
