import { defineCommand, once } from '../command.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Context } from '../context.ts';
import type { Check, Finding } from '../doctor/finding.ts';
import { FailedError, SessionctlError, UsageError } from '../errors.ts';
import { runsOf } from '../history/history-runs.ts';
import type { SharedHistory } from '../history/shared-history.ts';
import { counted, inNumber } from '../output/counted.ts';
import { jsonLine } from '../output/json-text.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import type { Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/reading-store.ts';
import { readStdin } from './read-stdin.ts';

interface DoctorFlags {
  readonly appUrl?: string;
  readonly cookieStdin?: boolean;
}

export const doctor = defineCommand<DoctorFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 130],
  exitMeanings: { 0: 'no check fails', 1: 'failed, or a check fails' },
  examples: [
    ['sessionctl doctor', 'Run all checks; changes nothing'],
    ['sessionctl doctor --json > doctor.json', 'The same for a script; exit 1 if a check fails'],
    [
      'sessionctl doctor --app-url https://app.example.com',
      'Also check the cookies of the running application',
    ],
    [
      'sessionctl doctor --app-url https://app.example.com --cookie-stdin < cookie.txt',
      'Also check the lifetime of sessions and their cached copies, with the cookie of one',
    ],
  ],
  configure: (command) =>
    command
      .optionsGroup('The running application')
      .option(
        '--app-url <url>',
        'also check the running application, at its base URL or that of its auth endpoints',
        once('--app-url'),
      )
      .option(
        '--cookie-stdin',
        "read a session's Cookie header from stdin; it is sent to --app-url and never shown",
      ),
  run: async (context, flags) => {
    const format = chooseFormat(flags, reportFormats);
    const { loadConfig } = await import('../config/load.ts');
    const config = await loadConfig(context.system, context.flags, context.redactor);
    for (const warning of config.warnings) await context.warn(warning);
    const own = await applicationChecks(context, flags, config);
    const { settings } = config;
    const { target, findings } = await context.withExamination(settings, async (examination) => {
      const { deploymentChecks } = await import('../doctor/examine-deployment.ts');
      const { target: examined } = examination;
      const deployment = deploymentChecks({
        settings,
        target: examined,
        examination,
        configuration: { file: await fileOf(config, context), history: () => ownHistory(context) },
        lastSweep: () => lastSweep(context, examined, examination.history),
        clock: context.system.now,
      });
      return { target: examined, findings: await carryOut(context, both(deployment, own), format) };
    });
    if (format === 'json') await printJson(context, target, findings);
    const failed = findings.filter(({ status }) => status === 'fail').length;
    if (failed > 0) {
      throw new FailedError(
        `${counted(failed, 'check')} of ${String(findings.length)} ${inNumber(failed, 'fails', 'fail')}`,
        { hint: 'The report says how to fix each. Run doctor again afterwards.' },
      );
    }
    return 0;
  },
});

async function carryOut(
  context: Context,
  checks: AsyncIterable<Check>,
  format: 'table' | 'json',
): Promise<readonly Finding[]> {
  const { carryOutChecks } = await import('../doctor/carry-out-checks.ts');
  const { findingText, summaryText } = await import('../output/finding-text.ts');
  const { terminal, styles } = context.stdout;
  const findings: Finding[] = [];
  for await (const found of carryOutChecks(checks, context.system.signal)) {
    const finding = { ...found, result: context.redactor.redact(found.result) };
    findings.push(finding);
    if (format === 'table') await context.print(findingText(finding, terminal, styles));
  }
  if (format === 'table') await context.print(summaryText(findings, styles));
  return findings;
}

async function printJson(context: Context, target: Target, findings: readonly Finding[]): Promise<void> {
  const of = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length;
  const checks = findings.map(({ id, status, result, inconclusive, explanation, remedy }) => ({
    id,
    status,
    result,
    inconclusive,
    explanation,
    remedy,
  }));
  const body = { command: 'doctor', target, ok: of('ok'), warn: of('warn'), fail: of('fail'), checks };
  await context.print(jsonLine(body, 2));
}

async function* both(first: AsyncIterable<Check>, second: Iterable<Check>): AsyncGenerator<Check> {
  yield* first;
  yield* second;
}

/** @throws UsageError where the URL or the cookie cannot be used */
async function applicationChecks(
  context: Context,
  { appUrl, cookieStdin }: DoctorFlags,
  { settings }: LoadedConfig,
): Promise<Iterable<Check>> {
  if (appUrl === undefined) {
    if (cookieStdin === true)
      throw new UsageError('--cookie-stdin needs --app-url', {
        hint: 'Only the application can judge a cookie.',
      });
    return [];
  }
  const { appServer } = await import('../doctor/app-server.ts');
  const { appChecks } = await import('../doctor/app-checks.ts');
  const server = appServer(appUrl, context.system.signal);
  if (cookieStdin === true && !server.isHttps && !server.isLoopback)
    throw new UsageError('--cookie-stdin would send a session unencrypted', {
      hint: 'Give an https:// URL as --app-url, or remove --cookie-stdin.',
    });
  const cookie = cookieStdin === true ? await cookieOnStdin(context) : null;
  const { session, auth, database } = settings;
  return appChecks({ server, profile: database.profile, session, auth, cookie, clock: context.system.now });
}

/** A `Cookie` header, with or without its name. */
async function cookieOnStdin({ system, redactor }: Context): Promise<string> {
  const cookie = (await readStdin(system)).trim().replace(/^cookie:\s*/i, '');
  // The error for what a header cannot hold would show it.
  if (!/^[\x21-\x7e ]+$/.test(cookie) || !/session_token=[^;\s]/.test(cookie))
    throw new UsageError('stdin holds no Cookie header with a session in it', {
      hint: 'It looks like better-auth.session_token=…; a browser shows it among the request headers.',
    });
  for (const pair of cookie.split(';')) redactor.protect(pair.slice(pair.indexOf('=') + 1).trim());
  redactor.protect(cookie);
  return cookie;
}

async function fileOf({ path }: LoadedConfig, { system }: Context) {
  if (path === null) return null;
  const { understand } = await import('../config/load.ts');
  const { environmentOf } = await import('../config/environment.ts');
  const { exposesSecret, otherWriters } = await understand(path, environmentOf(system.env));
  return { path, exposesSecret, otherWriters };
}

async function ownHistory(context: Context) {
  const history = await context.history();
  const { records, problems } = await history.read();
  return { path: history.path, records: records.length, problems: problems.map(({ message }) => message) };
}

/** The most records of the database's own history that are read. */
const SHARED_RECORDS = 10_000;

async function lastSweep(
  context: Context,
  target: Target,
  shared: SharedHistory | null,
): Promise<Instant | null> {
  const own = await ownRecords(context);
  const records = [...own, ...((await shared?.read(SHARED_RECORDS)) ?? [])];
  const ends = runsOf(records)
    .filter(
      ({ command, outcome, target: { dialect, database } }) =>
        command === 'sweep' &&
        outcome === 'complete' &&
        dialect === target.dialect &&
        database === target.database,
    )
    .flatMap(({ finishedAt }) => finishedAt ?? []);
  return ends.sort().at(-1) ?? null;
}

/** Another check reports problems of the history. */
async function ownRecords(context: Context) {
  try {
    return (await (await context.history()).read()).records;
  } catch (error) {
    if (!(error instanceof SessionctlError)) throw error;
    return [];
  }
}
