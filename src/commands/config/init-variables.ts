import { relative, resolve } from 'node:path';
import type { AuthReading } from '../../config/auth-file/auth-reading.ts';
import { readEnvFile } from '../../config/env-file.ts';
import { envFileNames } from '../../config/find-urls.ts';
import { isVariableName } from '../../config/references.ts';
import type { UrlReference } from '../../config/render-config.ts';
import type { Context } from '../../context.ts';
import { ConfigError, UsageError } from '../../errors.ts';
import { mayBeSecret, shownValue } from '../../sessions/shown-value.ts';

/** The complaint about a name of a variable that was typed; it never shows text that is not a name. */
export function complaintAboutName(name: string): string | true {
  if (isVariableName(name)) return true;
  return 'That is not the name of a variable. Give only the name, such as DATABASE_URL, and not the URL.';
}

/**
 * Whether variables are set in the environment or, where they are not, in the file.
 * @throws ConfigError where the file cannot be read
 */
export async function isSetIn(context: Context, envFile: string | null): Promise<(name: string) => boolean> {
  const inEnvironment = (name: string) => (context.system.env[name] ?? '') !== '';
  const file = envFile === null ? null : await readEnvFile(filePath(context, envFile));
  if (file !== null && file.problem !== null) throw new ConfigError(file.problem);
  return (name) => inEnvironment(name) || file?.variables.has(name) === true;
}

/** The reference to a variable. @throws UsageError, ConfigError where it is not a name or is unset */
export async function variable(
  context: Context,
  name: string,
  envFile: string | null,
  option = '--url-env',
): Promise<UrlReference & { readonly kind: 'variable' }> {
  const isSet = await isSetIn(context, envFile);
  if (!isVariableName(name) || (mayBeSecret(name) && !isSet(name))) {
    // The most likely mistake is the URL itself, with its password.
    const shown = /[:/@]/.test(name) ? 'what was given' : shownValue(name);
    throw new UsageError(`${option}: ${shown} is not the name of a variable`, {
      hint: 'Give only the name, such as DATABASE_URL, and not the URL.',
    });
  }
  if (!isSet(name)) throw await unsetVariable(context, name, envFile);
  return { kind: 'variable', name };
}

async function unsetVariable(context: Context, name: string, envFile: string | null): Promise<ConfigError> {
  const files = envFile === null ? envFileNames(context.system.cwd) : [envFile];
  for (const file of files) {
    const { variables, unclear } = await readEnvFile(filePath(context, file));
    if (unclear.has(name))
      return new ConfigError(`the variable ${name} is not set: ${composedIn(file)}`, {
        hint: setItWhole(name),
      });
    if (variables.has(name))
      return new ConfigError(`the variable ${name} is not set`, {
        hint: `${file} sets it: give --env-file ${file} to read it from there, now and later.`,
      });
  }
  return new ConfigError(`the variable ${name} is not set`, {
    hint: `Set it first: export ${name}=…`,
  });
}

/** Some programs expand references in the file and others do not, so the value is not known. */
export function composedIn(file: string): string {
  return `${file} composes it of other variables, which sessionctl does not do`;
}

export function setItWhole(name: string): string {
  return `Write it out there, or set it in the environment: export ${name}=…`;
}

/** The application's configuration as it is shown: relative to the working directory where it is below it. */
export function placeOf(context: Context, reading: AuthReading | null): string {
  if (reading === null) return '';
  const path = relative(context.system.cwd, reading.path);
  return path.startsWith('..') ? reading.path : path;
}

export function filePath(context: Context, path: string): string {
  return resolve(context.system.cwd, path);
}
