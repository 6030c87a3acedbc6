import { dirname, resolve } from 'node:path';
import type { CheckedProfile, CheckedTls } from './checked-file.ts';
import { readRegularFile } from '../regular-file.ts';
import { reasonOf } from './config-file.ts';
import type { Problem } from './problem.ts';
import type { ProfileDocument } from './profile-document.ts';
import type { KeyPath } from './toml-document.ts';

/** A file that a profile names. */
export interface ReferencedFile {
  readonly keys: KeyPath;
  /** As written: relative to the configuration's directory. */
  readonly path: string;
}

/** Every file that a profile names. */
export function referencedFiles(name: string, profile: CheckedProfile): readonly ReferencedFile[] {
  const table = ['profiles', name];
  return [
    ...fileAt([...table, 'url_file'], profile.url_file),
    ...tlsFiles([...table, 'tls'], profile.tls),
    ...fileAt([...table, 'redis', 'url_file'], profile.redis?.url_file),
    ...tlsFiles([...table, 'redis', 'tls'], profile.redis?.tls),
  ];
}

/** The file's text, or its problem and where the configuration names it. */
export async function readReferencedFile(
  { keys, path }: ReferencedFile,
  document: ProfileDocument,
): Promise<{ readonly text: string } | { readonly problem: Problem }> {
  const absolute = resolve(dirname(document.path), path);
  try {
    return { text: (await readRegularFile(absolute)).toString('utf8') };
  } catch (error) {
    const message = `${keys.join('.')}: cannot read ${absolute}: ${reasonOf(error)}`;
    return { problem: { line: document.lineOf(keys), column: null, message, hint: null } };
  }
}

function fileAt(keys: KeyPath, path: string | undefined): readonly ReferencedFile[] {
  return path === undefined ? [] : [{ keys, path }];
}

function tlsFiles(keys: KeyPath, tls: CheckedTls | undefined): readonly ReferencedFile[] {
  return (['ca', 'cert', 'key'] as const).flatMap((key) => fileAt([...keys, key], tls?.[key]));
}
