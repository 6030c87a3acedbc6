import type * as t from '@babel/types';
import { ConfigError } from '../../errors.ts';
import { readRegularFile } from '../../regular-file.ts';
import { reasonOf } from '../config-file.ts';
import { escapeReferences } from '../references.ts';
import { shownPath } from '../../sessions/shown-value.ts';
import { passwordsIn } from '../url-secrets.ts';
import type { AuthPlace, AuthReading, ReadSetting, ReadUrl } from './auth-reading.ts';
import { readDatabase, textUrl, type ReadDatabase } from './database-option.ts';
import { createEvaluator } from './evaluate.ts';
import { createOptionReader, whyNot, type OptionReader, type Plain } from './option-reader.ts';
import { readPlugins } from './plugin-options.ts';
import { readSecondary } from './secondary-option.ts';
import {
  assumeReference,
  readIpv6Subnet,
  readLikely,
  readSessionOptions,
  type Set,
} from './session-options.ts';
import type { ObjectValue } from './static-value.ts';
import { lineOf, nodesIn } from './syntax-tree.ts';

/** Bytes. Parsing a megabyte takes seconds. */
const LARGEST_AUTH_FILE = 1_000_000;

/** Better Auth's fields that a profile can name columns for. */
const SESSION_FIELDS = ['token', 'userId', 'expiresAt', 'createdAt', 'updatedAt', 'ipAddress', 'userAgent'];
const USER_FIELDS = ['email', 'name', 'createdAt'];
const VERIFICATION_FIELDS = ['identifier', 'value', 'expiresAt'];

/** Options that affect sessionctl and have no setting in a profile. */
const WITHOUT_SETTING: Readonly<Record<string, string>> = {
  'advanced.cookies.session_token.name':
    'has no setting here: the cookie is expected under the name that the prefix gives it',
};

/**
 * Reads an application's own `betterAuth({…})`, from the text of its file alone: nothing in it is run, and no other
 * file is read.
 * @throws ConfigError where it cannot be read at all: absent, not JavaScript or TypeScript, or without such a call
 */
export async function readAuthFile(path: string): Promise<AuthReading> {
  try {
    return await readingOfFile(path);
  } catch (error) {
    // Parser and readers recurse as deep as the text is nested, until the stack is full.
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(`cannot read ${path}: values are nested too deeply`, {
      hint: ELSEWHERE,
      cause: error,
    });
  }
}

async function readingOfFile(path: string): Promise<AuthReading> {
  const file = await parsed(path, await textOf(path));
  const { evaluate, names } = createEvaluator(file);
  const call = theCall(path, file, (name) => names.importOf(name));
  const [argument] = call.arguments;
  const options = argument === undefined ? null : evaluate(argument);
  if (options?.kind !== 'object') {
    const why =
      options === null
        ? 'is given nothing'
        : `is given options that cannot be read: the argument ${whyNot(options, 'object')}`;
    throw new ConfigError(`${path}:${String(lineOf(call))}: betterAuth ${why}`, { hint: ELSEWHERE });
  }
  return readingOf(path, options);
}

const ELSEWHERE = 'Name the file that contains betterAuth({…}) with --auth, or continue without it.';

async function textOf(path: string): Promise<string> {
  try {
    return (await readRegularFile(path, LARGEST_AUTH_FILE)).toString('utf8');
  } catch (error) {
    throw new ConfigError(`cannot read ${shownPath(path)}: ${reasonOf(error)}`);
  }
}

async function parsed(path: string, text: string): Promise<t.File> {
  const { parse } = await import('@babel/parser');
  const isJsx = /\.[jt]sx$/.test(path);
  try {
    return parse(text, {
      sourceType: 'unambiguous',
      plugins: ['typescript', 'decorators', ...(isJsx || /\.[cm]?js$/.test(path) ? (['jsx'] as const) : [])],
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ConfigError(`cannot read ${path} as TypeScript: ${error.message}`, {
      hint: ELSEWHERE,
      cause: error,
    });
  }
}

type ImportOf = (name: string) => { readonly module: string; readonly exported: string | null } | null;

/** The call of `betterAuth`. If there are several, the one exported as `auth`, as in Better Auth's own CLI. */
function theCall(path: string, file: t.File, importOf: ImportOf): t.CallExpression {
  const calls = [...nodesIn(file)].filter(
    (node) => node.type === 'CallExpression' && isBetterAuth(node.callee, importOf),
  ) as t.CallExpression[];
  const [only, ...others] = calls;
  if (only === undefined) throw noCall(path, file);
  if (others.length === 0) return only;
  const exported = [...nodesIn(file)].flatMap((node) =>
    node.type === 'ExportNamedDeclaration' && node.declaration?.type === 'VariableDeclaration'
      ? node.declaration.declarations.filter(({ id }) => id.type === 'Identifier' && id.name === 'auth')
      : [],
  );
  const chosen = calls.filter((call) => exported.some(({ init }) => init === call));
  if (chosen.length === 1 && chosen[0] !== undefined) return chosen[0];
  throw new ConfigError(
    `${path} calls betterAuth in lines ${calls.map((call) => String(lineOf(call))).join(', ')}: it is not clear which one is meant`,
    { hint: ELSEWHERE },
  );
}

/** A function of that name may be anything: it counts only where the file imports it from better-auth. */
function noCall(path: string, file: t.File): ConfigError {
  const [namesake] = [...nodesIn(file)].filter(
    (node) =>
      node.type === 'CallExpression' &&
      node.callee.type === 'Identifier' &&
      node.callee.name === 'betterAuth',
  );
  if (namesake === undefined)
    return new ConfigError(`there is no betterAuth({…}) in ${path}`, { hint: ELSEWHERE });
  return new ConfigError(
    `there is no betterAuth({…}) of better-auth in ${path}: the one in line ${String(lineOf(namesake))} is not imported from there`,
    {
      hint: `Import it from "better-auth" in that file, or name the file that does with --auth, or continue without it.`,
    },
  );
}

function isBetterAuth(callee: t.Node, importOf: ImportOf): boolean {
  if (callee.type !== 'Identifier') return false;
  const imported = importOf(callee.name);
  return imported !== null && imported.exported === 'betterAuth' && imported.module.startsWith('better-auth');
}

function readingOf(path: string, options: ObjectValue): AuthReading {
  const read = createOptionReader(options);
  const settings: ReadSetting[] = [];
  const set: Set = (key, value, option, line, certainty) =>
    settings.push({ key, value, option, line, isAssumed: certainty === 'assumed' });

  const database = databaseOf(read);
  const secondaryValue = read.raw('secondaryStorage');
  const secondary =
    secondaryValue === undefined
      ? null
      : { ...readSecondary(secondaryValue), isCertain: options.entries.has('secondaryStorage') };
  if (secondary?.isCertain === false)
    read.note(
      'secondaryStorage',
      secondary.line,
      `${secondary.url.kind === 'unread' ? secondary.url.why : 'is not read'}: if sessions are in Redis, configure it, or they stay valid without being shown`,
    );
  readSessionOptions(read, set);
  readIpv6Subnet(read, set);
  readLikely(read, set, 'advanced.cookiePrefix', 'auth.cookie_prefix', 'text');
  const secrets = [...readSecret(read, set), ...readBaseUrl(read, set)];
  noteSecureCookies(read, settings);
  const { likelyNames, likelyFields } = readNames(read, database, set);
  readPlugins(read, set);
  for (const [option, why] of Object.entries(WITHOUT_SETTING)) {
    const value = read.find(option);
    if (value !== undefined && !(value.kind === 'known' && value.value === false))
      read.note(option, value.line, why);
  }
  if (secondary?.url.kind === 'literal') secrets.push(...passwordsIn(secondary.url.url));
  if (database?.url.kind === 'literal') secrets.push(...passwordsIn(database.url.url));
  return {
    path,
    database: database?.url ?? null,
    timeZone: database?.timeZone ?? null,
    secondary,
    settings,
    likelyNames,
    likelyFields,
    unread: [...read.unread].sort((a, b) => a.line - b.line),
    secrets,
  };
}

function databaseOf(read: OptionReader): ReadDatabase | null {
  const value = read.raw('database');
  if (value === undefined) return null;
  const database = readDatabase(value);
  if (database.url.kind === 'unread') read.note('database', database.url.line, database.url.why);
  return database;
}

/** @returns texts that must not be shown */
function readSecret(read: OptionReader, set: Set): string[] {
  const several = read.array('secrets')?.items ?? [];
  const values = several.map((item) => (item.kind === 'object' ? item.entries.get('value') : item));
  const [first] = values;
  if (several.length === 0 && assumeReference(read, set, 'secret', 'auth.secret')) return [];
  const secret = several.length === 0 ? read.find('secret') : first;
  if (several.length > 1)
    read.note(
      'secrets',
      several[1]?.line ?? 1,
      'contains former secrets as well: add them to former_secrets if verify should know them',
    );
  if (secret === undefined) return [];
  if (secret.kind === 'reference') set('auth.secret', secret.text, 'secret', secret.line);
  else if (secret.kind === 'known')
    read.note(
      'secret',
      secret.line,
      'is in the file itself and was not copied: move it to a variable, and refer to that with secret = "${NAME}"',
    );
  else read.note('secret', secret.line, whyNot(secret, 'text'));
  return [secret, ...values].flatMap((value) =>
    value?.kind === 'known' && typeof value.value === 'string' ? [value.value] : [],
  );
}

/** @returns texts that must not be shown */
function readBaseUrl(read: OptionReader, set: Set): readonly string[] {
  if (assumeReference(read, set, 'baseURL', 'auth.base_url')) return [];
  const value = read.find('baseURL');
  if (value === undefined) return [];
  const url: ReadUrl = textUrl(value, 'baseURL');
  if (url.kind === 'reference') set('auth.base_url', url.text, 'baseURL', url.line);
  else if (url.kind === 'literal' && /^https?:\/\//i.test(url.url) && passwordsIn(url.url).length === 0)
    set('auth.base_url', escapeReferences(url.url), 'baseURL', url.line);
  else
    read.note(
      'baseURL',
      value.line,
      url.kind === 'unread' ? url.why : 'is not an http:// or https:// URL that can be copied',
    );
  return url.kind === 'literal' ? passwordsIn(url.url) : [];
}

/** sessionctl treats cookies as secure under https, like Better Auth without the option. */
function noteSecureCookies(read: OptionReader, settings: readonly ReadSetting[]): void {
  const secure = read.boolean('advanced.useSecureCookies');
  if (secure === undefined) return;
  const baseUrl = settings.find(({ key }) => key === 'auth.base_url')?.value;
  if (typeof baseUrl === 'string' && /^https?:/i.test(baseUrl) && /^https:/i.test(baseUrl) === secure.value)
    return;
  const why = `is ${String(secure.value)}, for which there is no setting here: cookies count as secure where base_url begins with https:`;
  read.note('advanced.useSecureCookies', secure.line, why);
}

/**
 * With its own adapter, Better Auth's names are the database's. Drizzle and Prisma may use others there, and so may a
 * database whose adapter cannot be read.
 */
function readNames(
  read: OptionReader,
  database: ReadDatabase | null,
  set: Set,
): Pick<AuthReading, 'likelyNames' | 'likelyFields'> {
  const isOwn = (database?.adapter ?? 'own') === 'own' && read.raw('database')?.kind !== 'unknown';
  if (database !== null && database.databaseSchema !== null)
    set(
      'schema.database_schema',
      database.databaseSchema,
      'database.schemaName',
      read.raw('database')?.line ?? 1,
    );
  const models = { table: nameIn(read, 'session.modelName'), userTable: nameIn(read, 'user.modelName') };
  const verification = nameIn(read, 'verification.modelName');
  const fields = [
    ...fieldsOf(read, 'session.fields', SESSION_FIELDS, 'schema.columns'),
    ...fieldsOf(read, 'user.fields', USER_FIELDS, 'schema.user_columns'),
    ...(verification === undefined
      ? []
      : [
          {
            key: 'schema.verification_table',
            value: escapeReferences(verification.value),
            option: 'verification.modelName',
            line: verification.line,
          },
        ]),
    ...fieldsOf(read, 'verification.fields', VERIFICATION_FIELDS, 'schema.verification_columns'),
  ];
  if (isOwn) {
    if (models.table !== undefined)
      set('schema.table', escapeReferences(models.table.value), 'session.modelName', models.table.line);
    if (models.userTable !== undefined)
      set(
        'schema.user_table',
        escapeReferences(models.userTable.value),
        'user.modelName',
        models.userTable.line,
      );
    for (const { key, value, option, line } of fields) set(key, value, option, line);
    return { likelyNames: null, likelyFields: [] };
  }
  const plural = (name: string | undefined) =>
    name === undefined ? null : database?.usePlural === true ? `${name}s` : name;
  return {
    likelyNames:
      models.table === undefined && models.userTable === undefined
        ? null
        : { table: plural(models.table?.value), userTable: plural(models.userTable?.value) },
    // A field with its default name needs no setting.
    likelyFields: fields.filter(
      ({ key, value }) => value.replaceAll('_', '').toLowerCase() !== key.split('.').at(-1)?.toLowerCase(),
    ),
  };
}

function fieldsOf(
  read: OptionReader,
  path: string,
  known: readonly string[],
  table: string,
): readonly (AuthPlace & { readonly key: string; readonly value: string })[] {
  const given = read.object(path);
  if (given === undefined) return [];
  return known.flatMap((field) => {
    const option = `${path}.${field}`;
    const column = nameIn(read, option);
    return column === undefined
      ? []
      : [{ key: `${table}.${field}`, value: escapeReferences(column.value), option, line: column.line }];
  });
}

/** A certain name. If it is not certain, the database itself is a better source. */
function nameIn(read: OptionReader, option: string): Plain<string> | undefined {
  const { values, doubt } = read.prospect(option);
  const [name] = values;
  if (doubt?.option === option && name?.kind === 'known' && typeof name.value === 'string')
    read.note(
      option,
      doubt.line,
      `is ${JSON.stringify(name.value)} here, but ${doubt.why}: not used, the database decides instead`,
    );
  return read.text(option);
}
