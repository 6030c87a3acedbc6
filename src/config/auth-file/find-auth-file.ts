import { existsSync } from 'node:fs';
import { join } from 'node:path';

const NAMES = ['auth', 'auth.server', 'auth/index', 'auth/index.server'];
const ENDINGS = ['ts', 'tsx', 'js', 'jsx'];
const DIRECTORIES = ['', 'lib/server/', 'server/auth/', 'server/', 'auth/', 'lib/', 'utils/'];
const ROOTS = ['', 'src/', 'app/'];

/** The existing files in which Better Auth's own CLI looks for a configuration, relative to the directory. */
export function findAuthFiles(directory: string): readonly string[] {
  const places = ROOTS.flatMap((root) =>
    DIRECTORIES.flatMap((inner) =>
      NAMES.flatMap((name) => ENDINGS.map((ending) => `${root}${inner}${name}.${ending}`)),
    ),
  );
  return places.filter((place) => existsSync(join(directory, place)));
}
