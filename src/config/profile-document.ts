import { dirname, resolve } from 'node:path';
import { checkFile, unknownText, type CheckedFile } from './checked-file.ts';
import type { PreferredProfile } from './choose-database.ts';
import type { ConfigFile } from './config-file.ts';
import { readEnvFile, withEnvFile, type EnvFile } from './env-file.ts';
import type { Environment } from './environment.ts';
import type { Problem } from './problem.ts';
import { expandReferences, withoutReferences, type Expansion } from './references.ts';
import { parseTomlDocument, type KeyPath } from './toml-document.ts';
import { passwordsIn } from './url-secrets.ts';

/** A string of the file that refers to variables, or could. */
export interface FileText {
  readonly path: KeyPath;
  readonly raw: string;
  readonly expansion: Expansion;
  /** The file that one of the variables came from, if the environment does not set it; else null. */
  readonly envFile: string | null;
}

/** An unset variable that a setting refers to: a problem only if the setting is needed. */
export interface UnsetVariable {
  readonly path: KeyPath;
  readonly problem: Problem;
}

/** The facts about a configuration file that do not depend on the chosen profile. */
export interface ProfileDocument {
  readonly path: string;
  /** Null where there are problems. */
  readonly file: CheckedFile | null;
  readonly problems: readonly Problem[];
  readonly unset: readonly UnsetVariable[];
  /** The names of all profiles, if they can be read. */
  readonly names: readonly string[];
  /** The default profile, or the only one. */
  readonly preferred: PreferredProfile | null;
  readonly texts: readonly FileText[];
  readonly lineOf: (path: KeyPath) => number;
  /** The file that a variable of the setting came from, or null. */
  readonly envFileOf: (path: KeyPath) => string | null;
  /** The file itself contains a secret, not a reference to it, and others may read it. */
  readonly exposesSecret: boolean;
  /** Which other users may write the file, in words; null if none may. */
  readonly otherWriters: string | null;
}

/**
 * Reads, expands and checks a configuration file, with the files of variables that its profiles name. It collects every
 * problem and throws none.
 */
export async function understandFile(configFile: ConfigFile, env: Environment): Promise<ProfileDocument> {
  const { path } = configFile;
  const document = parseTomlDocument(configFile.text);
  if ('problem' in document) {
    return {
      path,
      file: null,
      problems: [document.problem],
      unset: [],
      names: [],
      preferred: null,
      texts: [],
      lineOf: () => document.problem.line,
      envFileOf: () => null,
      exposesSecret: false,
      otherWriters: configFile.otherWriters,
    };
  }
  const { lineOf } = document;
  const envFiles = await envFilesOf(document.root, dirname(path), env);
  const texts: FileText[] = [];
  const root = mapTexts(document.root, [], (raw, at) => {
    const envFile = isEnvFileKey(at) ? undefined : envFiles.get(profileOf(at));
    const expansion = expandReferences(raw, envFile === undefined ? env : withEnvFile(env, envFile));
    const isFromFile = expansion.variables.some(
      (name) => env(name) === undefined && envFile?.variables.has(name) === true,
    );
    texts.push({ path: at, raw, expansion, envFile: isFromFile ? (envFile?.path ?? null) : null });
    return expansion.text ?? unknownText;
  });
  const checked = checkFile(root, lineOf);
  const malformed = texts.flatMap(({ path: at, expansion }) =>
    expansion.malformed.map((reference) => ({
      line: lineOf(at),
      column: null,
      message: `${at.join('.')}: ${JSON.stringify(reference)} is not a reference to a variable`,
      hint: 'Write ${NAME}, or $${ for the literal characters.',
    })),
  );
  const problems = [...('problems' in checked ? checked.problems : []), ...malformed];
  const { profiles, default_profile: chosen } = asTable(root);
  const names = Object.keys(asTable(profiles));
  const preferredAt = typeof chosen === 'string' ? ['default_profile'] : ['profiles', names[0] ?? ''];
  const preferredName = typeof chosen === 'string' ? chosen : names.length === 1 ? names[0] : undefined;
  return {
    path,
    file: 'file' in checked && problems.length === 0 ? checked.file : null,
    problems,
    unset: [
      ...texts.flatMap(({ path: at, expansion }) => {
        const envFile = envFiles.get(profileOf(at));
        // A variable that is unset because its file cannot be read is not a separate problem.
        if (envFile !== undefined && envFile.problem !== null) return [];
        return expansion.unset.map((name) => ({
          path: at,
          problem: unsetProblem(at, name, lineOf(at), envFile),
        }));
      }),
      ...[...envFiles].flatMap(([name, { problem }]) => {
        const at = ['profiles', name, 'env_file'];
        const message = `${at.join('.')}: ${problem ?? ''}`;
        return problem === null
          ? []
          : [{ path: at, problem: { line: lineOf(at), column: null, message, hint: hintFor(name, texts) } }];
      }),
    ],
    names,
    preferred:
      preferredName === undefined
        ? null
        : {
            name: preferredName,
            origin: { kind: 'file', path, line: lineOf(preferredAt) },
            isAmbientUrl: isAmbientUrl(textAt(texts, ['profiles', preferredName, 'url'])),
          },
    texts,
    lineOf,
    envFileOf: (at) => textAt(texts, at)?.envFile ?? null,
    exposesSecret: configFile.isReadableByOthers && texts.some(isLiteralSecret),
    otherWriters: configFile.otherWriters,
  };
}

function textAt(texts: readonly FileText[], path: KeyPath): FileText | undefined {
  const wanted = path.join('\0');
  return texts.find((text) => text.path.join('\0') === wanted);
}

function isAmbientUrl(url: FileText | undefined): boolean {
  return url?.raw.trim() === '${DATABASE_URL}';
}

function unsetProblem(path: KeyPath, name: string, line: number, envFile: EnvFile | undefined): Problem {
  const hint = 'Set it, or write $${ for the literal characters.';
  const message = `${path.join('.')}: the variable ${name} is not set`;
  if (envFile === undefined) return { line, column: null, message, hint };
  const where = envFile.unclear.has(name)
    ? `, and ${envFile.path} builds it from other variables, which sessionctl does not support`
    : `, and ${envFile.path} does not set it either`;
  return { line, column: null, message: message + where, hint };
}

/** What a missing file of variables is needed for. */
function hintFor(profile: string, texts: readonly FileText[]): string {
  const own = texts.filter(({ path }) => profileOf(path) === profile);
  const unset = [...new Set(own.flatMap(({ expansion }) => expansion.unset))];
  return unset.length === 0
    ? 'Every variable is set without it: env_file can be left out.'
    : `It is needed for ${unset.join(', ')}, which the environment does not set.`;
}

/** The files of variables that profiles name, by the names of the profiles. */
async function envFilesOf(
  root: unknown,
  directory: string,
  env: Environment,
): Promise<ReadonlyMap<string, EnvFile>> {
  const named = Object.entries(asTable(asTable(root)['profiles'])).flatMap(([name, profile]) => {
    const raw = asTable(profile)['env_file'];
    const path = typeof raw === 'string' ? expandReferences(raw, env).text : null;
    return path === null || path.trim() === '' ? [] : [{ name, path: resolve(directory, path) }];
  });
  const files = named.map(async ({ name, path }) => [name, await readEnvFile(path)] as const);
  return new Map(await Promise.all(files));
}

/** The name of the profile that a setting belongs to; empty outside of profiles. */
function profileOf([table, name = '']: KeyPath): string {
  return table === 'profiles' ? name : '';
}

function isEnvFileKey(path: KeyPath): boolean {
  return path.length === 3 && path[2] === 'env_file';
}

function isLiteralSecret({ path, raw }: FileText): boolean {
  const keys = path.slice(2);
  const key = keys.join('.');
  const literal = withoutReferences(raw);
  if (key === 'auth.secret' || key.startsWith('auth.former_secrets.')) return literal.trim() !== '';
  return (key === 'url' || key === 'redis.url' || keys[0] === 'replicas') && passwordsIn(literal).length > 0;
}

function mapTexts(value: unknown, path: KeyPath, map: (text: string, path: KeyPath) => unknown): unknown {
  if (typeof value === 'string') return map(value, path);
  if (Array.isArray(value)) return value.map((item, at) => mapTexts(item, [...path, String(at)], map));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapTexts(item, [...path, key], map)]),
  );
}

function asTable(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
