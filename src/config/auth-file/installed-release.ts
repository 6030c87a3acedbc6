import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isRelease } from '../../sessions/release.ts';

/** The release of Better Auth that Node.js resolves from a file, from its package.json; null where there is none. */
export async function installedRelease(
  file: string,
): Promise<{ readonly path: string; readonly release: string } | null> {
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    const path = join(directory, 'node_modules', 'better-auth', 'package.json');
    const release = await versionIn(path);
    if (release !== null) return { path, release };
    if (directory === dirname(directory)) return null;
  }
}

async function versionIn(path: string): Promise<string | null> {
  try {
    const { version } = JSON.parse(await readFile(path, 'utf8')) as { readonly version?: unknown };
    return typeof version === 'string' && isRelease(version) ? version : null;
  } catch {
    return null;
  }
}
