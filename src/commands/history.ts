import { defineCommand, once } from '../command.ts';
import type { Context } from '../context.ts';
import { FailedError, SessionctlError } from '../errors.ts';
import type { History } from '../history/history-file.ts';
import type { HistoryRecord } from '../history/history-record.ts';
import { runsOf, type HistoryRun } from '../history/history-runs.ts';
import { counted } from '../output/counted.ts';
import { jsonLine, jsonText } from '../output/json-text.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { safeText } from '../output/safe-text.ts';
import { toInstant } from '../sessions/instant.ts';
import type { Target } from '../sessions/reading-store.ts';
import { parseWholeNumber } from './whole-number.ts';

interface HistoryFlags {
  readonly all?: boolean;
  readonly own?: boolean;
  readonly limit?: string;
  readonly verify?: boolean;
  readonly wide?: boolean;
}

const formats = ['table', 'json', 'jsonl', 'csv'] as const;
const DEFAULT_TABLE_LIMIT = 20;

export const history = defineCommand<HistoryFlags>({
  formats,
  exitCodes: [0, 1, 2, 3, 130],
  exitMeanings: { 1: 'failed, or with --verify: the history is broken' },
  examples: [
    ['sessionctl history', 'Show the last 20 runs on this database, refused and cancelled ones too'],
    ['sessionctl history --all -o jsonl', 'Print every run of yours on any database, for another tool'],
    ['sessionctl history --verify', 'Check whether a record was changed or is missing'],
  ],
  configure: (command) =>
    command
      .optionsGroup('Which runs')
      .option('--all', 'every database that you worked on, not only the configured one')
      .option('--own', 'only your own file, without asking the database for the runs of others')
      .optionsGroup('Output')
      .option(
        '--limit <number>',
        'show at most <number> runs (default: 20 in a table, otherwise all)',
        once('--limit'),
      )
      .option('--wide', 'cut and hide nothing in the table: every id, and why a run was refused or failed')
      .addOption(
        command
          .createOption('--verify', 'check the whole history, and exit with 1 if it is broken')
          .conflicts(['all', 'limit', 'wide']),
      ),
  run: async (context, flags) => {
    if (flags.verify === true) {
      await verify(context, chooseFormat(flags, reportFormats), flags.own === true);
      return 0;
    }
    const format = chooseFormat(flags, formats);
    const limit = flags.limit === undefined ? undefined : parseWholeNumber('--limit', flags.limit, 'runs');
    const file = await context.history();
    const target = flags.all === true ? null : await context.target();
    const { records, problems } = await file.read();
    const own = target === null ? records : records.filter((record) => isOn(record.target, target));
    const isAsked = target !== null && flags.own !== true;
    const runs = runsOf(isAsked ? await withShared(context, own) : own);
    if (format === 'table') {
      if (runs.length > 0) {
        const options = { limit: limit ?? DEFAULT_TABLE_LIMIT, wide: flags.wide === true };
        await printTable(context, runs, target, options);
      } else await context.note(nothingRecorded(file, records.length === 0 ? null : target));
    } else {
      await context.print(await printers[format](runs.slice(0, limit)));
    }
    if (problems.length > 0) {
      const found = counted(problems.length, 'problem');
      await context.warn(`the history is broken: \`sessionctl history --verify\` names ${found}`);
    }
    return 0;
  },
});

const printers: Readonly<
  Record<Exclude<(typeof formats)[number], 'table'>, (runs: readonly HistoryRun[]) => Promise<string>>
> = {
  json: (runs) =>
    Promise.resolve(runs.length === 0 ? '[]\n' : `[\n${runs.map((run) => jsonText(run)).join(',\n')}\n]\n`),
  jsonl: (runs) => Promise.resolve(runs.map((run) => jsonLine(run)).join('')),
  csv: async (runs) => (await import('../output/history-csv.ts')).historyCsv(runs),
};

/** The most records that are read from the database's own history. */
const SHARED_RECORDS = 10_000;

/** The operator's own records and, where the database keeps a history, those of all other operators. */
async function withShared(
  context: Context,
  own: readonly HistoryRecord[],
): Promise<readonly HistoryRecord[]> {
  try {
    const shared = (await readShared(context)) ?? [];
    const known = new Set(own.map(({ hash }) => hash));
    const others = shared.filter(({ hash }) => !known.has(hash));
    if (others.length === 0) return own;
    return [...own, ...others].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  } catch (error) {
    if (!(error instanceof SessionctlError)) throw error;
    await context.warn(`only your own runs are shown (as with --own): ${error.message}`);
    return own;
  }
}

/** The newest records that the database keeps, newest first; null where it keeps none. */
async function readShared(context: Context): Promise<readonly HistoryRecord[] | null> {
  return context.withStore('read', async (store) => (await store.history?.read(SHARED_RECORDS)) ?? null);
}

function isOn({ dialect, database }: Target, target: Target): boolean {
  return dialect === target.dialect && database === target.database;
}

function nothingRecorded({ path }: History, target: Target | null): string {
  return target === null
    ? `The history ${path} is empty.`
    : `The history ${path} has no run on ${target.database} (--all shows those on other databases).`;
}

async function printTable(
  context: Context,
  runs: readonly HistoryRun[],
  target: Target | null,
  { limit, wide }: { readonly limit: number; readonly wide: boolean },
): Promise<void> {
  const { historyTable } = await import('../output/history-table.ts');
  const options = { now: toInstant(context.now), databases: target === null, wide, ...context.stdout };
  const { text, leftOut } = historyTable(runs.slice(0, limit), options);
  await context.print(text);
  const all = `${counted(runs.length, 'run')}${target === null ? '' : ` on ${target.database}`}`;
  await context.note(
    runs.length > limit
      ? `The newest${limit === 1 ? '' : ` ${String(limit)}`} of ${all}: --limit ${String(runs.length)} shows all.`
      : all,
  );
  if (leftOut.length > 0)
    await context.note(`Hidden: too narrow for ${leftOut.join(', ')} (--wide shows all columns).`);
}

/** @throws FailedError where it is broken */
async function verify(context: Context, format: 'table' | 'json', ownOnly: boolean): Promise<void> {
  const file = await context.history();
  const { path } = file;
  const kept = ownOnly ? null : await keptToCompare(context);
  const { records, problems, remarks } = await (kept === null ? file.read() : file.compare(kept));
  const from = records.at(0)?.at ?? null;
  const to = records.at(-1)?.at ?? null;
  if (format === 'json') {
    const comparedWith = kept?.length ?? null;
    const report = { path, records: records.length, from, to, comparedWith, problems, remarks };
    await context.print(jsonLine(report, 2));
  } else {
    const found = [
      ...problems,
      ...remarks.map(({ line, message }) => ({ line, message: `note: ${message}` })),
    ];
    for (const { line, message } of found.sort((a, b) => a.line - b.line))
      await context.print(`${safeText(`${path}:${String(line)}: ${message}`)}\n`);
    if (problems.length === 0) {
      if (from === null || to === null) await context.note(nothingRecorded(file, null));
      else await context.print(`${counted(records.length, 'record')}, unbroken, from ${from} to ${to}\n`);
      if (kept !== null)
        await context.print(`compared with ${counted(kept.length, 'record')} of the database\n`);
    }
  }
  if (problems.length > 0)
    throw new FailedError(`the history ${path} is broken: ${counted(problems.length, 'problem')}`, {
      hint: 'Compare it with a backup. To start a new one, move it away unchanged.',
    });
}

/** The database's own records; null, with a warning, where there are none to compare the file with. */
async function keptToCompare(context: Context): Promise<readonly HistoryRecord[] | null> {
  try {
    const kept = await readShared(context);
    if (kept === null)
      await context.note(
        'Only the file was checked, which cannot show that its end is missing: the database keeps no history (`schema migrate` adds one).',
      );
    return kept;
  } catch (error) {
    if (!(error instanceof SessionctlError)) throw error;
    await context.warn(`only the file was checked (as with --own): ${error.message}`);
    return null;
  }
}
