import { existsSync } from 'node:fs';
import type { UrlReference } from '../../config/render-config.ts';
import { parseTimeZone } from '../../config/time-zone.ts';
import { maskPasswords } from '../../config/url-secrets.ts';
import type { Context } from '../../context.ts';
import { CancelledError } from '../../errors.ts';
import { InvalidValueError } from '../../sessions/invalid-value.ts';
import {
  DEFAULT_FILE,
  DEFAULT_PROFILE,
  filePath,
  placedUrl,
  rejectExisting,
  timeZoneFromFlags,
  variable,
  type InitFlags,
  type Plan,
} from './init-plan.ts';

/** Asks for what the flags leave open. @throws CancelledError on Ctrl-C */
export async function askForPlan(context: Context, flags: InitFlags): Promise<Plan> {
  if (flags.file !== undefined || flags.config !== undefined) {
    await rejectExisting(filePath(context, flags.file ?? flags.config ?? DEFAULT_FILE), flags);
  }
  const prompter = await context.prompter();
  const url = await askForUrl(context);
  const name =
    flags.profile ??
    (await prompter.input('Name of the profile', { initial: DEFAULT_PROFILE, validate: filled }));
  const place =
    flags.file ??
    flags.config ??
    (await prompter.input('File to write', {
      initial: `./${DEFAULT_FILE}`,
      validate: (text) => {
        const complaint = filled(text);
        if (complaint !== true) return complaint;
        return flags.force === true || !existsSync(filePath(context, text))
          ? true
          : 'That file exists: choose another, or start again with --force.';
      },
    }));
  const path = filePath(context, place);
  return {
    path,
    draft: {
      name,
      url: url.kind === 'literal' ? { ...url, url: placedUrl(url.url, context.system.cwd, path) } : url,
      timeZone: await timeZoneFromFlags(context, flags),
    },
  };
}

async function askForUrl(context: Context): Promise<UrlReference> {
  const prompter = await context.prompter();
  const kind = await prompter.select<UrlReference['kind']>('Where is the URL of the auth database?', [
    {
      name: 'In an environment variable',
      value: 'variable',
      description: 'The file refers to it and holds no secret',
    },
    { name: 'In a file', value: 'file', description: 'Such as /run/secrets/database-url' },
    { name: 'Printed by a command', value: 'command', description: 'Such as a password manager' },
    {
      name: 'I type it in',
      value: 'literal',
      description: 'It is written into the configuration, password included',
    },
  ]);
  switch (kind) {
    case 'variable': {
      const name = await prompter.input('Name of the variable', {
        initial: 'DATABASE_URL',
        validate: (text) => ((context.system.env[text] ?? '') === '' ? `${text} is not set here` : true),
      });
      return variable(context, name);
    }
    case 'file': {
      const path = await prompter.input('Path of the file', { validate: filled });
      // Named from here, but read from wherever the configuration will be.
      return { kind, path: filePath(context, path) };
    }
    case 'command':
      return { kind, command: await prompter.input('Command that prints the URL', { validate: filled }) };
    case 'literal':
      return { kind, url: await prompter.password('URL (hidden, since it may hold a password)') };
    default:
      return kind satisfies never;
  }
}

/** @returns null where the answer is that nobody knows */
export async function askForTimeZone(context: Context): Promise<string | null> {
  const prompter = await context.prompter();
  const answer = await prompter.input(
    'Time zone of the servers that run the application (empty: not known)',
    {
      validate: (text) => {
        try {
          if (text.trim() !== '') parseTimeZone(text.trim());
          return true;
        } catch (error) {
          if (error instanceof InvalidValueError) return [error.message, error.hint].join('. ');
          throw error;
        }
      },
    },
  );
  return answer.trim() === '' ? null : parseTimeZone(answer.trim());
}

/** @throws CancelledError where the answer is no */
export async function confirmPlan(context: Context, { path, draft }: Plan): Promise<void> {
  const zone = draft.timeZone ?? 'not set';
  await context.note(
    `profile ${JSON.stringify(draft.name)}, URL ${describeUrl(draft.url)}, time zone ${zone}`,
  );
  const prompter = await context.prompter();
  if (await prompter.confirm(`Write ${path}?`, true)) return;
  throw new CancelledError('cancelled, nothing was written');
}

function describeUrl(url: UrlReference): string {
  switch (url.kind) {
    case 'variable':
      return `from \${${url.name}}`;
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

function filled(text: string): string | true {
  return text.trim() === '' ? 'Say something here.' : true;
}
