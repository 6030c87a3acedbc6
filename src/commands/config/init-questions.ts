import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AuthReading } from '../../config/auth-file/auth-reading.ts';
import type { FoundUrl } from '../../config/find-urls.ts';
import { parseTimeZone } from '../../config/time-zone.ts';
import { maskPasswords, passwordsIn } from '../../config/url-secrets.ts';
import type { Context } from '../../context.ts';
import { CancelledError, ConfigError, SessionctlError } from '../../errors.ts';
import { counted } from '../../output/counted.ts';
import { InvalidValueError } from '../../sessions/invalid-value.ts';
import { isInFuture, look, reach, reachRedis, type Outcome } from './init-look.ts';
import {
  assemblePlan,
  DEFAULT_FILE,
  DEFAULT_PROFILE,
  readAuth,
  rejectExisting,
  timeZoneFromFlags,
  type Plan,
  type PlanParts,
} from './init-plan.ts';
import type { InitFlags } from './init-flags.ts';
import { askForRedis } from './init-redis.ts';
import { askForSource, describeUrl, filled } from './init-source.ts';
import { composedIn, filePath, isSetIn, placeOf, setItWhole } from './init-variables.ts';

/**
 * Asks for what the flags leave open. Each answer is tried at once; one that does not work is reported and asked for
 * again.
 * @throws CancelledError on Ctrl-C, or where the last answer is no
 */
export async function converse(context: Context, flags: InitFlags): Promise<Outcome> {
  await tellExisting(context, flags);
  await isSetIn(context, flags.envFile ?? null);
  const { findUrls } = await import('../../config/find-urls.ts');
  const found = await findUrls(context.system);
  await tellFound(context, found);
  const reading = await askForReading(context, flags);
  if (reading !== null) await tellReading(context, reading);
  const first = await askUntilItAnswers(context, flags, found, reading);
  const zoned = first.outcome.finding.zoneKnown
    ? first.outcome
    : await askForTimeZone(context, first.outcome);
  const timeZone = zoned.plan.draft.timeZone;
  const name =
    flags.profile ??
    (await (
      await context.prompter()
    ).input('Name of the profile', { initial: DEFAULT_PROFILE, validate: filled }));
  const path = await askForPath(context, flags);
  const plan = withNamesOf(zoned.plan, await assemblePlan(context, { ...first.parts, name, path, timeZone }));
  // A variable may hold a path, which would be relative to that file.
  const outcome =
    dirname(path) === context.system.cwd ? { plan, finding: zoned.finding } : await look(context, plan);
  await confirmPlan(context, outcome.plan);
  return outcome;
}

/** The plan with its final path, and the tables that were found under the application's names. */
function withNamesOf(tried: Plan, placed: Plan): Plan {
  const missing = tried.draft.settings.filter(
    ({ key }) => !placed.draft.settings.some((one) => one.key === key),
  );
  return { ...placed, draft: { ...placed.draft, settings: [...placed.draft.settings, ...missing] } };
}

/** Reported before the first question, so that no answer is lost. @throws ConfigError where the named file exists */
async function tellExisting(context: Context, flags: InitFlags): Promise<void> {
  const named = flags.file ?? flags.config;
  const path = filePath(context, named ?? DEFAULT_FILE);
  if (named !== undefined) await rejectExisting(path, flags);
  if (existsSync(path)) {
    await context.note(
      flags.force === true
        ? `${path} exists already and will be replaced at the end (--force)`
        : `${path} exists already and stays unchanged: choose another file at the end, or stop now (Ctrl-C) and start again with --force to replace it`,
    );
    return;
  }
  const { findConfigFile } = await import('../../config/config-file.ts');
  const isNamed = (context.system.env['SESSIONCTL_CONFIG'] ?? '') !== '';
  if (isNamed) return;
  const search = await findConfigFile(context.system, undefined);
  if (search.path !== null && named === undefined)
    await context.note(`${search.path} is in use here: a ${DEFAULT_FILE} in this directory takes precedence`);
}

/** Prints what was found, so that the questions need no explanation. Secrets are not shown. */
async function tellFound(context: Context, found: readonly FoundUrl[]): Promise<void> {
  for (const { name, url, envFile } of found) {
    for (const password of passwordsIn(url)) context.redactor.protect(password);
    await context.note(`found ${name} in ${envFile ?? 'the environment'}: ${maskPasswords(url)}`);
  }
  const { envFileNames } = await import('../../config/find-urls.ts');
  const { readEnvFile } = await import('../../config/env-file.ts');
  for (const file of envFileNames(context.system.cwd)) {
    const { unclear } = await readEnvFile(filePath(context, file));
    for (const name of unclear)
      if (/URL|DATABASE|REDIS/i.test(name) && (context.system.env[name] ?? '') === '')
        await context.note(`not offered: ${name}, since ${composedIn(file)}. ${setItWhole(name)}`);
  }
}

async function askForReading(context: Context, flags: InitFlags): Promise<AuthReading | null> {
  if (flags.auth !== undefined) return readAuth(context, flags.auth);
  const { findAuthFiles } = await import('../../config/auth-file/find-auth-file.ts');
  const prompter = await context.prompter();
  for (const file of findAuthFiles(context.system.cwd)) {
    if (!(await prompter.confirm(`Read the options of Better Auth in ${file}? It is not run`, true)))
      continue;
    try {
      return await readAuth(context, file);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      await context.warn(error.message);
    }
  }
  return null;
}

async function tellReading(context: Context, reading: AuthReading): Promise<void> {
  const place = placeOf(context, reading);
  await context.note(`read ${place}: ${counted(reading.settings.length, 'setting')}`);
  const shown = ({ key, value }: (typeof reading.settings)[number]) => {
    if (key === 'auth.secret') return '***';
    return typeof value === 'string' ? maskPasswords(value) : String(value);
  };
  for (const setting of reading.settings) {
    const { option, line, key, isAssumed } = setting;
    const from = `${isAssumed ? 'assumed: ' : ''}${option}, line ${String(line)}`;
    await context.note(`  ${key} = ${shown(setting)} (${from})`);
  }
  for (const { option, line, why } of reading.unread)
    await context.note(`  ${place}:${String(line)}: ${option} ${why}`);
}

interface Answered {
  readonly parts: PlanParts;
  readonly outcome: Outcome;
}

async function askUntilItAnswers(
  context: Context,
  flags: InitFlags,
  found: readonly FoundUrl[],
  reading: AuthReading | null,
): Promise<Answered> {
  const name = flags.profile ?? DEFAULT_PROFILE;
  const path = filePath(context, DEFAULT_FILE);
  const timeZone = await timeZoneFromFlags(context, flags);
  const place = { path, name, timeZone, reading };
  for (;;) {
    const source = await untilItWorks(context, async () => {
      const asked = await askForSource(context, flags, found, reading);
      await reach(context, await assemblePlan(context, { ...place, source: asked, redis: [] }));
      return asked;
    });
    const askForParts = async (isFirst: boolean): Promise<PlanParts> => {
      const redis = await askForRedis(context, flags, source, found, reading, isFirst);
      const parts = { ...place, source: { ...source, envFile: redis.envFile }, redis: redis.settings };
      await reachRedis(context, await assemblePlan(context, parts));
      return parts;
    };
    // A flag gives the same answer every time.
    const parts =
      flags.redisUrlEnv === undefined ? await untilItWorks(context, askForParts) : await askForParts(true);
    try {
      return { parts, outcome: await look(context, await assemblePlan(context, parts)) };
    } catch (error) {
      await tellRefusal(context, error);
    }
  }
}

/** @param ask gets whether this is the first time */
async function untilItWorks<Answer>(
  context: Context,
  ask: (isFirst: boolean) => Promise<Answer>,
): Promise<Answer> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await ask(isFirst);
    } catch (error) {
      await tellRefusal(context, error);
    }
  }
}

/** @throws any error that another answer cannot fix, such as Ctrl-C */
async function tellRefusal(context: Context, error: unknown): Promise<void> {
  const isMendable = error instanceof SessionctlError || error instanceof InvalidValueError;
  if (!isMendable || error instanceof CancelledError || context.system.signal.aborted) throw error;
  await context.warn(error.message);
  if (error.hint !== undefined) await context.note(`hint: ${error.hint}`);
}

/**
 * Asks until the operator confirms the age of the newest session under the zone; an empty answer leaves the zone open.
 */
async function askForTimeZone(context: Context, first: Outcome): Promise<Outcome> {
  const prompter = await context.prompter();
  for (;;) {
    const answer = await prompter.input(
      'Time zone of the servers that run the application (empty: not known)',
      {
        validate: zoneOrNothing,
      },
    );
    if (answer.trim() === '') return first;
    const timeZone = parseTimeZone(answer.trim());
    const { draft } = first.plan;
    const outcome = await look(context, { ...first.plan, draft: { ...draft, timeZone } });
    if (outcome.finding.newestSession === null) return outcome;
    if (await prompter.confirm('Is that age right?', !isInFuture(outcome.finding))) return outcome;
  }
}

function zoneOrNothing(text: string): string | true {
  try {
    if (text.trim() !== '') parseTimeZone(text.trim());
    return true;
  } catch (error) {
    if (error instanceof InvalidValueError) return [error.message, error.hint].join('. ');
    throw error;
  }
}

async function askForPath(context: Context, flags: InitFlags): Promise<string> {
  const prompter = await context.prompter();
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
          : 'That file exists. Choose another, or start again with --force.';
      },
    }));
  return filePath(context, place);
}

/** @throws CancelledError where the answer is no */
async function confirmPlan(context: Context, { path, draft }: Plan): Promise<void> {
  const zone = draft.timeZone ?? 'not set';
  const envFile = draft.envFile === null ? '' : `, variables from ${draft.envFile}`;
  await context.note(
    `profile ${JSON.stringify(draft.name)}, URL ${describeUrl(draft.url)}${envFile}, time zone ${zone}`,
  );
  const prompter = await context.prompter();
  if (await prompter.confirm(`Write ${path}?`, true)) return;
  throw new CancelledError('cancelled, nothing was written');
}
