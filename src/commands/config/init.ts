import { join } from 'node:path';
import { defineCommand, OfferingOption, once } from '../../command.ts';
import type { DatabaseSettings } from '../../config/settings.ts';
import type { Context } from '../../context.ts';
import { jsonText } from '../../output/json-text.ts';
import { chooseFormat, reportFormats } from '../../output/output-format.ts';
import { relativeTime } from '../../output/relative-time.ts';
import { millisecondsOf, type Instant } from '../../sessions/instant.ts';
import { everySession } from '../../sessions/selection.ts';
import { DEFAULT_FILE, planFromFlags, rejectBadFlags, type InitFlags, type Plan } from './init-plan.ts';

/** What stands behind the URL. */
interface Finding {
  readonly server: string;
  readonly sessionTable: string;
  readonly userTable: string | null;
  readonly keyType: string;
  readonly timeEncoding: string;
  readonly zoneKnown: boolean;
  readonly cautions: readonly string[];
  /** When the newest session began, or null where there is none. */
  readonly newestSession: Instant | null;
  /** The database's clock. */
  readonly now: Instant;
}

/** Milliseconds: the clocks of the application and of its database differ by less, a wrong time zone by more. */
const FUTURE_TOLERANCE = 60_000;

export const configInit = defineCommand<InitFlags>({
  words: ['config', 'init'],
  group: 'Set up',
  summary: 'Write a configuration file, after a look at the database',
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 130],
  examples: [
    ['sessionctl config init', 'Asks for what it needs'],
    ['sessionctl config init --url-env DATABASE_URL --no-input', 'The URL stays in the environment'],
    [
      'sessionctl config init --url sqlite:auth.db --file deploy/sessionctl.toml --no-input',
      'The URL goes into the file',
    ],
  ],
  configure: (command) =>
    command
      .optionsGroup('What is written')
      .option('--url-env <name>', 'environment variable that holds the database URL', once('--url-env'))
      .addOption(
        new OfferingOption('--file <path>', `file to write (default: ./${DEFAULT_FILE})`, 'file').argParser(
          once('--file'),
        ),
      )
      .optionsGroup('Guards')
      .option('--force', 'replace the file where there is one'),
  run: async (context, flags) => {
    const format = chooseFormat(flags, reportFormats);
    await rejectBadFlags(flags);
    const isAsking = flags.url === undefined && flags.urlEnv === undefined && context.mayPrompt;
    const { plan, finding } = isAsking
      ? await ask(context, flags)
      : await look(context, await planFromFlags(context, flags));

    const { renderConfig } = await import('../../config/render-config.ts');
    const { writeConfigFile } = await import('../../config/write-config.ts');
    await writeConfigFile(plan.path, renderConfig(plan.draft), flags.force === true);
    await noteWhatFollows(context, plan);
    const report = { path: plan.path, profile: plan.draft.name, ...finding };
    await context.print(format === 'json' ? `${jsonText(report, 2)}\n` : `${plan.path}\n`);
    return 0;
  },
});

interface Outcome {
  readonly plan: Plan;
  readonly finding: Finding;
}

/** The time zone is asked for only where the database does not say what its times mean. */
async function ask(context: Context, flags: InitFlags): Promise<Outcome> {
  const { askForPlan, askForTimeZone, confirmPlan } = await import('./init-questions.ts');
  const first = await look(context, await askForPlan(context, flags));
  const timeZone = first.finding.zoneKnown ? null : await askForTimeZone(context);
  const { path, draft } = first.plan;
  const outcome = timeZone === null ? first : await look(context, { path, draft: { ...draft, timeZone } });
  await confirmPlan(context, outcome.plan);
  return outcome;
}

/** Connects just as later runs will, by what the file is going to say, and tells what is there. */
async function look(context: Context, plan: Plan): Promise<Outcome> {
  const { path, draft } = plan;
  const { renderConfig } = await import('../../config/render-config.ts');
  const { settingsOfText } = await import('../../config/load.ts');
  const { database } = await settingsOfText(
    { path, text: renderConfig(draft), profile: draft.name },
    context.system,
    context.redactor,
  );
  const finding = await readFinding(context, database);
  await context.note(
    `found ${finding.server}, sessions in ${finding.sessionTable}, users in ${finding.userTable ?? '(no table)'}`,
  );
  await context.note(`ids are ${finding.keyType}, times are ${finding.timeEncoding}`);
  for (const caution of finding.cautions) await context.note(`note: ${caution}`);
  await tellNewest(context, finding, database.timeZone);
  return { plan, finding };
}

async function readFinding(context: Context, database: DatabaseSettings): Promise<Finding> {
  return context.withDatabase(database, 'read', async (store) => {
    const newest = store.list(everySession, { sort: { field: 'createdAt', direction: 'desc' }, limit: 1 });
    let newestSession: Instant | null = null;
    for await (const [session] of newest) newestSession = session?.createdAt ?? null;
    return { ...store.schema, cautions: store.cautions, newestSession, now: store.now };
  });
}

async function tellNewest(
  context: Context,
  { newestSession, now, zoneKnown }: Finding,
  timeZone: string | null,
): Promise<void> {
  if (newestSession === null) {
    await context.note('there are no sessions yet');
    return;
  }
  const assumed = timeZone === null ? '' : `, if the application writes ${timeZone}`;
  await context.note(
    `the newest session began ${relativeTime(newestSession, now)} (${newestSession})${assumed}`,
  );
  if (millisecondsOf(newestSession) - millisecondsOf(now) > FUTURE_TOLERANCE) {
    const culprit =
      timeZone === null && zoneKnown
        ? 'the clock of the application or of the database is wrong'
        : `the time zone ${timeZone ?? 'UTC'} is not the application's`;
    await context.warn(`the newest session lies in the future: ${culprit}`);
  }
}

async function noteWhatFollows(context: Context, { path, draft }: Plan): Promise<void> {
  const { passwordsIn } = await import('../../config/url-secrets.ts');
  if (draft.url.kind === 'literal' && passwordsIn(draft.url.url).length > 0) {
    await context.note(
      'note: the file holds the password itself; with --url-env <name> it would stay in the environment',
    );
  }
  const isFoundByItself = path === join(context.system.cwd, DEFAULT_FILE);
  await context.note(`now try: sessionctl ${isFoundByItself ? '' : `--config ${path} `}list`);
}
