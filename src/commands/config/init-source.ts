import type { AuthReading, ReadUrl } from '../../config/auth-file/auth-reading.ts';
import type { FoundUrl } from '../../config/find-urls.ts';
import { expandReferences } from '../../config/references.ts';
import type { UrlReference } from '../../config/render-config.ts';
import { maskPasswords } from '../../config/url-secrets.ts';
import type { Context } from '../../context.ts';
import { UsageError } from '../../errors.ts';
import type { Choice } from '../../output/prompter.ts';
import type { InitFlags, UrlSource } from './init-flags.ts';
import { complaintAboutName, filePath, isSetIn, placeOf, variable } from './init-variables.ts';

/** A URL that is known, or a way to enter one. */
export type Way = UrlSource | UrlReference['kind'];

const VARIABLE: Choice<Way> = {
  name: 'In an environment variable',
  value: 'variable',
  description: 'The file names the variable and holds no secret',
};
const LITERAL: Choice<Way> = {
  name: 'Type it now',
  value: 'literal',
  description: 'The configuration then holds it, password included',
};

/**
 * @throws ConfigError, UsageError where the answer is not a URL: the question can be asked again, with another way to
 * answer
 */
export async function askForSource(
  context: Context,
  flags: InitFlags,
  found: readonly FoundUrl[],
  reading: AuthReading | null,
): Promise<UrlSource> {
  const prompter = await context.prompter();
  const given = flags.envFile ?? null;
  const way = await prompter.select('Where is the URL of the auth database?', [
    ...(await saidChoices(context, found, reading)),
    ...found.filter(({ kind }) => kind === 'database').map((one) => foundChoice(one, given)),
    VARIABLE,
    { name: 'In a file', value: 'file', description: 'Such as /run/secrets/database-url' },
    { name: 'Printed by a command', value: 'command', description: 'Such as a password manager' },
    LITERAL,
  ]);
  return sourceBy(context, way, 'DATABASE_URL', given);
}

/** @param offered besides what can be typed; @throws as `askForSource` */
export async function askForRedisSource(
  context: Context,
  offered: readonly Choice<Way>[],
  envFile: string | null,
): Promise<UrlSource> {
  const prompter = await context.prompter();
  const way = await prompter.select('Where is the URL of Redis?', [...offered, VARIABLE, LITERAL]);
  return sourceBy(context, way, 'REDIS_URL', envFile);
}

/** A variable that was found; from the given file where it is also set in the environment. */
export function foundChoice({ name, url, envFile }: FoundUrl, given: string | null): Choice<Way> {
  return {
    name: `In ${name} of ${envFile ?? 'the environment'}`,
    value: { url: { kind: 'variable', name }, envFile: envFile ?? given },
    description: maskPasswords(url),
  };
}

async function sourceBy(
  context: Context,
  way: Way,
  usualName: string,
  envFile: string | null,
): Promise<UrlSource> {
  if (typeof way === 'object') return way;
  const prompter = await context.prompter();
  // A person who skipped the question may type the URL here.
  const shown = maskPasswords;
  switch (way) {
    case 'variable': {
      const validate = complaintAboutName;
      const name = await prompter.input('Name of the variable', { initial: usualName, validate, shown });
      return { url: await variable(context, name, envFile), envFile };
    }
    case 'file': {
      const path = await prompter.input('Path of the file', { validate: filled, shown });
      // Typed relative to the working directory, but read relative to the configuration.
      return { url: { kind: 'file', path: filePath(context, path) }, envFile };
    }
    case 'command': {
      const command = await prompter.input('Command that prints the URL', { validate: filled });
      return { url: { kind: 'command', command }, envFile };
    }
    default: {
      const url = await prompter.password('URL (hidden, since it may hold a password)');
      if (url.trim() === '') throw new UsageError('nothing was typed');
      return { url: { kind: 'literal', url: url.trim() }, envFile };
    }
  }
}

/** The database that the application's own configuration names, where it can be used from here. */
async function saidChoices(
  context: Context,
  found: readonly FoundUrl[],
  reading: AuthReading | null,
): Promise<readonly Choice<Way>[]> {
  const said = reading?.database ?? null;
  if (said === null || said.kind === 'unread') return [];
  const place = `${placeOf(context, reading)}:${String(said.line)}`;
  if (said.kind === 'literal') {
    const value: Way = { url: { kind: 'literal', url: said.url }, envFile: null };
    return [{ ...LITERAL, name: `The one in ${place}, copied`, value }];
  }
  const text = said.kind === 'path' ? said.path : said.text;
  const sources = [null, ...new Set(found.flatMap(({ envFile }) => envFile ?? []))];
  const ways: Choice<Way>[] = [];
  for (const envFile of sources) {
    const isSet = await isSetIn(context, envFile);
    const names = said.kind === 'path' ? [] : expandReferences(said.text, () => '').variables;
    const isFromFile = envFile !== null;
    // A single variable is already offered among those that were found. No file is needed where the environment is
    // enough.
    if (names.length === 1 && text === `\${${names[0] ?? ''}}`) continue;
    if (isFromFile && ways.length > 0) continue;
    if (!names.every(isSet)) continue;
    const url = await urlSaid(context, said, envFile);
    if (url !== null)
      ways.push({
        name: `The one in ${place}${envFile === null ? '' : `, with ${envFile}`}`,
        value: { url, envFile },
        description: text,
      });
  }
  return ways;
}

export function describeUrl(url: UrlReference): string {
  switch (url.kind) {
    case 'variable':
      return `from \${${url.name}}`;
    case 'references':
      return `from ${url.text}`;
    case 'file':
      return `from the file ${url.path}`;
    case 'command':
      return `from the command ${url.command}`;
    case 'literal':
      return maskPasswords(url.url);
    default:
      return url satisfies never;
  }
}

export function filled(text: string): string | true {
  return text.trim() === '' ? 'Type something here.' : true;
}

/**
 * The application's own URL as a configuration refers to it; null where it must not be copied.
 * @throws ConfigError where a variable is unset
 */
export async function urlSaid(
  context: Context,
  said: ReadUrl,
  envFile: string | null,
): Promise<UrlReference | null> {
  if (said.kind === 'path') return { kind: 'literal', url: `sqlite:${said.path}` };
  if (said.kind !== 'reference') return null;
  const [, name] = /^\$\{(\w+)\}$/.exec(said.text) ?? [];
  return name === undefined ? { kind: 'references', text: said.text } : variable(context, name, envFile);
}
