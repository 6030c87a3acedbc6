import type { System } from '../system.ts';
import { findConfigFile, readConfigFile } from './config-file.ts';
import { parseTomlDocument } from './toml-document.ts';

/** What a person may have called a profile and a shell can show. */
const SHOWABLE = /^[^\p{C}\p{Z}]{1,64}$/u;

/**
 * The profiles of the configuration file in use, without checking what they say.
 * @param file the one that `--config` names
 * @throws ConfigError where there is none that can be read
 */
export async function profileNames(system: System, file: string | undefined): Promise<readonly string[]> {
  const { path } = await findConfigFile(system, file);
  if (path === null) return [];
  const document = parseTomlDocument((await readConfigFile(path)).text);
  if ('problem' in document || !isTable(document.root) || !isTable(document.root['profiles'])) return [];
  return Object.keys(document.root['profiles']).filter((name) => SHOWABLE.test(name));
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
