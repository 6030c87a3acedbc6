import type { System } from '../system.ts';
import { findConfigFile, readConfigFile } from './config-file.ts';
import { parseTomlDocument } from './toml-document.ts';

/** Shells insert completions as they are, so a name such as `$(…)` would run. */
const SAFE_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u;

/**
 * The profiles of the configuration file in use, without checking their settings.
 * @param file the one that `--config` names
 * @throws ConfigError where there is none that can be read
 */
export async function profileNames(system: System, file: string | undefined): Promise<readonly string[]> {
  const { path } = await findConfigFile(system, file);
  if (path === null) return [];
  const document = parseTomlDocument((await readConfigFile(path)).text);
  if ('problem' in document || !isTable(document.root) || !isTable(document.root['profiles'])) return [];
  return Object.keys(document.root['profiles']).filter((name) => SAFE_NAME.test(name));
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
