import { ConfigError } from '../errors.ts';
import type { Origin } from './origin.ts';
import { describeProblem } from './problem.ts';
import { readReferencedFile } from './referenced-file.ts';
import type { KeyPath } from './toml-document.ts';
import { type ProfileInUse, originIn, labelOf } from './settings-ledger.ts';

export async function urlFromFile(
  keys: KeyPath,
  path: string,
  profile: ProfileInUse,
): Promise<{ readonly url: string; readonly origin: Origin }> {
  const text = await fileText(keys, path, profile);
  return { url: oneLine(labelOf(keys, profile), text), origin: originIn(profile, keys) };
}

export function oneLine(label: string, text: string): string {
  const url = text.trim();
  if (url === '') throw new ConfigError(`${label} is empty, where a URL was expected`);
  if (url.includes('\n')) throw new ConfigError(`${label} has several lines, where one URL was expected`);
  // A text that is not a URL may be the password alone; as the path of a file it would be printed.
  if (!/^(?:[a-z][a-z0-9+.-]+:|\.{0,2}\/)|\.(?:db|sqlite3?)$/i.test(url)) {
    throw new ConfigError(`${label} is not a URL`, {
      hint: 'It must begin with postgres://, mysql://, sqlite: or a /. It is not shown here.',
    });
  }
  return url;
}

export async function fileText(
  keys: KeyPath,
  path: string,
  { document, name }: ProfileInUse,
): Promise<string> {
  const read = await readReferencedFile({ keys: ['profiles', name, ...keys], path }, document);
  if ('problem' in read) throw new ConfigError(describeProblem(document.path, read.problem));
  return read.text;
}
