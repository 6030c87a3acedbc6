import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { System } from '../system.ts';
import { readEnvFile } from './env-file.ts';

/** A variable that holds the URL of a server or of a file. */
export interface FoundUrl {
  readonly name: string;
  /** May contain a password. */
  readonly url: string;
  /** The file that sets it, relative to the working directory; null for the environment. */
  readonly envFile: string | null;
  readonly kind: 'database' | 'redis';
}

/** Names of templates for such files; they contain no real URLs. */
const TEMPLATE = /\.(?:example|sample|template|dist|defaults?|schema)$/;
const SERVER = /^(?:postgres|postgresql|mysql|mariadb):\/\//i;
const FILE = /^(?:sqlite3?|file):/i;

/**
 * The variables of the environment, and of `.env` files beside it, that hold a URL; those with the usual names first.
 */
export async function findUrls(system: System): Promise<readonly FoundUrl[]> {
  const own = urlsIn(Object.entries(system.env), null);
  const files = await Promise.all(
    envFileNames(system.cwd).map(async (name) => {
      const { variables } = await readEnvFile(join(system.cwd, name));
      // A variable that the environment also has is reported from there.
      return urlsIn([...variables], name).filter((found) => (system.env[found.name] ?? '') === '');
    }),
  );
  return [...own, ...files.flat()].sort((a, b) => rank(a) - rank(b));
}

/** The options of `config init` that name the Redis that was found; null where none was. */
export function redisOptions(found: readonly FoundUrl[]): string | null {
  const redis = found.find(({ kind }) => kind === 'redis');
  if (redis === undefined) return null;
  return `${redis.envFile === null ? '' : `--env-file ${redis.envFile} `}--redis-url-env ${redis.name}`;
}

/** The names of the files of variables in a directory. */
export function envFileNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^\.env(?:\.[\w.-]+)?$/.test(name) && !TEMPLATE.test(name))
      .sort();
  } catch {
    // A directory that cannot be listed counts as empty.
    return [];
  }
}

function urlsIn(
  variables: readonly (readonly [string, string | undefined])[],
  envFile: string | null,
): readonly FoundUrl[] {
  return variables.flatMap(([name, url = '']): readonly FoundUrl[] => {
    if (name.startsWith('SESSIONCTL_') || !/^[A-Za-z_]\w*$/.test(name)) return [];
    if (SERVER.test(url) || (FILE.test(url) && /DATABASE|DB|SQLITE/i.test(name)))
      return [{ name, url, envFile, kind: 'database' }];
    return /^rediss?:\/\//i.test(url) ? [{ name, url, envFile, kind: 'redis' }] : [];
  });
}

function rank({ name, envFile }: FoundUrl): number {
  return (['DATABASE_URL', 'REDIS_URL'].includes(name) ? 0 : 2) + (envFile === null ? 0 : 1);
}
