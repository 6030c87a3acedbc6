import { join } from 'node:path';
import { defineCommand, OfferingOption, once } from '../../command.ts';
import type { Context } from '../../context.ts';
import { jsonLine } from '../../output/json-text.ts';
import { chooseFormat, reportFormats } from '../../output/output-format.ts';
import { DEFAULT_FILE, planFromFlags, rejectBadFlags, type Plan } from './init-plan.ts';
import type { InitFlags } from './init-flags.ts';
import { placeOf } from './init-variables.ts';

export const configInit = defineCommand<InitFlags>({
  notes:
    "Looks for database URLs in the environment and in .env files, and reads an application's own auth.ts without running it.",
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 130],
  examples: [
    ['sessionctl config init', 'Search for database URLs, and ask for the rest'],
    ['sessionctl config init --url-env DATABASE_URL --no-input', 'Keep the URL in the environment'],
    [
      'sessionctl config init --url sqlite:auth.db --file deploy/sessionctl.toml --no-input',
      'Write the URL into the file',
    ],
  ],
  configure: (command) =>
    command
      .optionsGroup('Contents')
      .option('--url-env <name>', 'environment variable that holds the database URL', once('--url-env'))
      .addOption(
        new OfferingOption(
          '--env-file <path>',
          'file with variables that the environment does not set, such as .env',
          'file',
        ).argParser(once('--env-file')),
      )
      .addOption(
        new OfferingOption(
          '--auth <path>',
          "the application's auth.ts, whose options are read without running it",
          'file',
        ).argParser(once('--auth')),
      )
      .option(
        '--redis-url-env <name>',
        'environment variable that holds the URL of Redis',
        once('--redis-url-env'),
      )
      .option('--redis-key-prefix <prefix>', 'prefix of its keys', once('--redis-key-prefix'))
      .addOption(
        new OfferingOption('--file <path>', `file to write (default: ./${DEFAULT_FILE})`, 'file').argParser(
          once('--file'),
        ),
      )
      .optionsGroup('Guards')
      .option('--force', 'replace the file if it exists'),
  run: async (context, flags) => {
    const format = chooseFormat(flags, reportFormats);
    await rejectBadFlags(flags);
    const isAsking = flags.url === undefined && flags.urlEnv === undefined && context.mayPrompt;
    const { plan, finding } = isAsking ? await ask(context, flags) : await obey(context, flags);

    const { renderConfig } = await import('../../config/render-config.ts');
    const { writeConfigFile } = await import('../../config/write-config.ts');
    context.system.changing();
    await writeConfigFile(plan.path, renderConfig(plan.draft), flags.force === true);
    await noteWhatFollows(context, plan);
    const auth = authReport(context, plan);
    const report = {
      path: plan.path,
      profile: plan.draft.name,
      ...finding,
      envFile: plan.draft.envFile,
      auth,
    };
    await context.print(format === 'json' ? jsonLine(report, 2) : `${plan.path}\n`);
    return 0;
  },
});

async function ask(context: Context, flags: InitFlags) {
  const { converse } = await import('./init-questions.ts');
  return converse(context, flags);
}

async function obey(context: Context, flags: InitFlags) {
  const { look } = await import('./init-look.ts');
  const plan = await planFromFlags(context, flags);
  for (const remark of plan.draft.remarks) await context.warn(remark);
  return look(context, plan);
}

/** Which options of the application's configuration were read, and which were not; null where no file was read. */
function authReport(context: Context, { reading, draft }: Plan) {
  if (reading === null) return null;
  return {
    file: placeOf(context, reading),
    settings: draft.settings.map(({ key, isActive }) => ({ key, inEffect: isActive })),
    unread: reading.unread,
  };
}

async function noteWhatFollows(context: Context, { path, draft, reading }: Plan): Promise<void> {
  const { passwordsIn } = await import('../../config/url-secrets.ts');
  if (draft.url.kind === 'literal' && passwordsIn(draft.url.url).length > 0) {
    await context.note(
      'note: the file holds the password; with --url-env <name> it stays in the environment',
    );
  }
  if (draft.remarks.length > 0)
    await context.note('note: options that could not be read are comments in the file: check them by hand');
  const secondary = reading?.secondary ?? null;
  const isRedisSet = draft.settings.some(({ key }) => key.startsWith('redis.'));
  if (secondary?.isCertain === false && !isRedisSet && !context.mayPrompt) {
    const { findUrls, redisOptions } = await import('../../config/find-urls.ts');
    const options = redisOptions(await findUrls(context.system)) ?? '--redis-url-env <name>';
    await context.warn(
      `before you revoke: check whether the application sets secondaryStorage where ${placeOf(context, reading)}:${String(secondary.line)} adds options. If it does, run this again with ${options} --force, or sessions in Redis stay valid`,
    );
  }
  const isFoundByItself = path === join(context.system.cwd, DEFAULT_FILE);
  await context.note(`now try: sessionctl ${isFoundByItself ? '' : `--config ${path} `}list`);
}
