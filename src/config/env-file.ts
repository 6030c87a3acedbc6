import { parseEnv } from 'node:util';
import { readRegularFile } from '../regular-file.ts';
import { reasonOf } from './config-file.ts';
import type { Environment } from './environment.ts';

/** A file of variables, such as `.env`. */
export interface EnvFile {
  /** Absolute. */
  readonly path: string;
  readonly variables: ReadonlyMap<string, string>;
  /**
   * Variables that refer to other variables: some programs expand those, others do not, so their values are not known.
   */
  readonly unclear: ReadonlySet<string>;
  /** The reason why it cannot be read, or null. */
  readonly problem: string | null;
}

/** Reads a file of variables; its problems are in the result. */
export async function readEnvFile(path: string): Promise<EnvFile> {
  try {
    return envFileOf(path, (await readRegularFile(path)).toString('utf8'));
  } catch (error) {
    const problem = `cannot read ${path}: ${reasonOf(error)}`;
    return { path, variables: new Map(), unclear: new Set(), problem };
  }
}

function envFileOf(path: string, text: string): EnvFile {
  // An empty variable counts as unset here too.
  const entries = Object.entries(parseEnv(text.replace(/^\uFEFF/, ''))).filter(
    (entry): entry is [string, string] => (entry[1] ?? '') !== '',
  );
  const isUnclear = ([, value]: readonly [string, string]) => value.includes('${');
  return {
    path,
    variables: new Map(entries.filter((entry) => !isUnclear(entry))),
    unclear: new Set(entries.filter(isUnclear).map(([name]) => name)),
    problem: null,
  };
}

/** The environment, with the file for variables that it does not have: a variable that is set overrides the file. */
export function withEnvFile(env: Environment, { variables }: EnvFile): Environment {
  return (name) => env(name) ?? variables.get(name);
}
