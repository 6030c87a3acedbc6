import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../config/temporary-directory.ts';
import { runMain } from '../support/fake-system.ts';
import { tablesBelowHeadings } from './documents.ts';

const page = 'docs/configuration.md';
const unknown = 'qqqqqqqqqq';
const tables = tablesBelowHeadings(page);

const code = (cell: string | undefined) => /^`([^`]+)`$/.exec(cell ?? '')?.[1];

/** Each documented table of the configuration with its keys, by the path of the table within a profile. */
const documented = new Map(
  [...tables].flatMap(([title, rows]) => {
    const path = title === 'The file' ? '' : /^\[(profiles\.<name>[\w.]*)\]$/.exec(title)?.[1];
    return path === undefined ? [] : [[path, rows.map(([key]) => code(key))] as const];
  }),
);

async function run(words: readonly string[], file: string) {
  const directory = temporaryDirectory();
  directory.write('sessionctl.toml', file);
  return runMain(words, { cwd: directory.path });
}

describe(page, () => {
  it('names every key that the program knows, and no other', async () => {
    const lines = [...documented.keys()].map(
      (path) => `${path === '' ? '' : `[${path.replace('<name>', 'p')}]`}\n${unknown} = 1\n`,
    );
    const { stdout } = await run(['config', 'check'], lines.join(''));
    const known = [...stdout.matchAll(/: ([\w.]*)qqqqqqqqqq: unknown key\. Use one of (.*)\.$/gm)].map(
      ([, path = '', keys = '']) =>
        [path.replace(/\.$/, '').replace('profiles.p', 'profiles.<name>'), keys.split(', ')] as const,
    );
    expect(known.length).toBe(documented.size);
    for (const [path, keys] of known)
      expect([path, [...(documented.get(path) ?? [])].sort()]).toEqual([path, [...keys].sort()]);
  });

  it('has a table for every table that the program knows', () => {
    const names = (path: string) => documented.get(path) ?? [];
    const inner = [...tables]
      .flatMap(([title, rows]) => rows.map((row) => ({ title, row })))
      .filter(
        ({ title, row: [, means = ''] }) =>
          title.startsWith('[profiles') && /^a table|^the same of/.test(means),
      )
      .map(({ title, row: [key] }) => `${title.slice(1, -1)}.${code(key) ?? ''}`);
    expect(inner.sort()).toEqual([...documented.keys()].filter((path) => path.includes('>.')).sort());
    expect(names('')).toContain('profiles');
  });

  it('gives the defaults that are in use', async () => {
    const file =
      '[profiles.p]\nurl = "a.db"\ntls = {}\n[profiles.p.redis]\nurl = "redis://localhost"\ntls = {}\n';
    const shown = await run(['config', 'show', '--json'], file);
    const { settings } = JSON.parse(shown.stdout) as {
      readonly settings: readonly {
        readonly key: string;
        readonly value: unknown;
        readonly origin: { readonly kind: string };
      }[];
    };
    const defaults = settings.filter(({ origin, value }) => origin.kind === 'default' && value !== null);
    const documentedDefaults = [...tables]
      .filter(([title]) => title.startsWith('[profiles.<name>'))
      .flatMap(([title, rows]) =>
        rows
          .filter(([, , value]) => value !== '')
          .map(([key, , value]) => [
            `${title.slice(1, -1)}.${code(key) ?? ''}`.replace('profiles.<name>.', ''),
            code(value),
          ]),
      );
    expect(Object.fromEntries(documentedDefaults)).toEqual(
      Object.fromEntries(defaults.map(({ key, value }) => [key, String(value)])),
    );
  });

  it('names every variable that the program reads', () => {
    const read = ['src', 'bin']
      .map((directory) => fileURLToPath(new URL(`../../${directory}`, import.meta.url)))
      .flatMap((directory) => readdirSync(directory, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'))
      .flatMap((text) => [
        ...[...text.matchAll(/\benv(?:\(|\[)'([A-Z_]+)'/g)].map(([, name = '']) => name),
        ...[...text.matchAll(/xdgDirectory\([^)]*'(XDG_[A-Z]+_HOME)'/g)].map(([, name = '']) => name),
        ...[...text.matchAll(/\benv\.([A-Z_]+)/g)].map(([, name = '']) => name),
      ]);
    const rows = tables.get('Every variable') ?? [];
    const named = rows.flatMap(([cell = '']) =>
      [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name),
    );
    expect([...new Set(named)].sort()).toEqual([...new Set(read)].sort());
  });
});
