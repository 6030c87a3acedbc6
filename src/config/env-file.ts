import { parseEnv } from 'node:util';
import { readRegularFile } from '../regular-file.ts';
import { reasonOf } from './config-file.ts';
import type { Environment } from './environment.ts';

/** A file of variables, such as `.env`. */
export interface EnvFile {
  /** Absolute. */
  readonly path: string;
  readonly variables: ReadonlyMap<string, string>;
  /** Variables that the file makes of others: some programs put those in, others do not, so their values are not known. */
  readonly unclear: ReadonlySet<string>;
  /** Why it cannot be read, or null. */
  readonly problem: string | null;
}

/** Reads a file of variables; what is wrong with it is in the result. */
export async function readEnvFile(path: string): Promise<EnvFile> {
  try {
    return envFileOf(path, (await readRegularFile(path)).toString('utf8'));
  } catch (error) {
    const problem = `cannot read ${path}: ${reasonOf(error)}`;
    return { path, variables: new Map(), unclear: new Set(), problem };
  }
}

function envFileOf(path: string, text: string): EnvFile {
  // An empty variable counts as unset here, too.
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

/** The environment, and the file for what it does not have: whoever sets a variable means to override the file. */
export function withEnvFile(env: Environment, { variables }: EnvFile): Environment {
  return (name) => env(name) ?? variables.get(name);
}
