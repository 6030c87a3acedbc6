import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { keepsRecords } from '../config/settings.ts';
import { SessionctlError, UsageError, type ExitCode } from '../errors.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import type { SweepReport } from '../output/sweep-report.ts';
import { OutputClosedError } from '../output/writer.ts';
import { millisecondsOf, type Instant } from '../sessions/instant.ts';
import {
  addSwept,
  expiredBy,
  nothingSwept,
  sweep as sweepStore,
  sweepCutoff,
  type Sweep,
  type SweepOptions,
} from '../sessions/sweep.ts';
import type { SweptSecondary } from '../sessions/session-store.ts';
import type { RecordedStore } from '../history/shared-history.ts';
import { awaitReplicas } from '../sessions/await-replicas.ts';
import type { ReplicatedStore, Replication } from '../sessions/replication.ts';
import type { LockableStore } from '../sessions/run-lock.ts';
import { hasChangedNothing, judgeSweep } from './judge-sweep.ts';
import { record, recordStart } from './revocation-history.ts';
import { addSweepOptions, parseSweep, type SweepFlags, type SweepRequest } from './sweep-options.ts';
import { openMetricsFile } from './sweep-metrics-file.ts';
import { findStart } from './sweep-start.ts';

export const sweep = defineCommand<SweepFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 8, 130],
  examples: [
    ['sessionctl sweep --dry-run', 'How many there are; changes nothing'],
    [
      'sessionctl sweep --grace 7d --verifications',
      'What expired more than a week ago, and old verifications',
    ],
    [
      'sessionctl sweep -q --max-runtime 10m --metrics-file /var/lib/node_exporter/sessionctl.prom',
      'For cron: silent while all is well',
    ],
    ['sessionctl sweep --offline --vacuum', 'SQLite, while the application is stopped'],
  ],
  configure: addSweepOptions,
  run: async (context, flags) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    const request = parseSweep(flags);
    await refuseRecords(context, request);
    const metrics =
      // Who only counts has not swept.
      request.metricsFile === null || request.dryRun
        ? null
        : await openMetricsFile(request.metricsFile, context.system.cwd);
    const begun = performance.now();
    const swept: { last: SweepReport | null } = { last: null };
    const tellMetrics = async (exitCode: ExitCode): Promise<void> => {
      const { last } = swept;
      await metrics?.write({
        target: last?.target ?? (await context.target()),
        exitCode,
        finishedAt: context.system.now(),
        durationMs: Math.round(performance.now() - begun),
        deleted: last?.deleted ?? 0,
        verifications: last?.verifications ?? 0,
        remaining: last?.remaining ?? null,
        batches: last?.batches ?? 0,
        longestBatchMs: last?.longestBatchMs ?? 0,
      });
    };
    try {
      await context.withStore(request.dryRun ? 'read' : 'write', (store) =>
        run(context, store, request, json, (report) => {
          swept.last = report;
        }),
      );
    } catch (error) {
      // What ended the sweep is of more interest than what became of the figures.
      await tellMetrics(exitCodeOf(error, context)).catch((other: unknown) =>
        context.warn(other instanceof Error ? other.message : String(other)),
      );
      throw error;
    }
    await tellMetrics(0);
    return 0;
  },
});

type SweptStore = RecordedStore & LockableStore & ReplicatedStore;

function exitCodeOf(error: unknown, { system }: Context): ExitCode {
  if (error instanceof SessionctlError) return error.exitCode;
  return system.signal.aborted ? 130 : 1;
}

/** @throws UsageError where expired rows are records and nobody said how long to keep them */
async function refuseRecords(context: Context, { grace }: SweepRequest): Promise<void> {
  if (grace !== null || !keepsRecords(await context.settings())) return;
  throw new UsageError('preserve_in_database keeps expired sessions as records: say for how long', {
    hint: 'Give --grace, such as --grace 90d.',
  });
}

async function run(
  context: Context,
  store: SweptStore,
  request: SweepRequest,
  json: boolean,
  tell: (report: SweepReport) => void,
): Promise<void> {
  if (request.offline && store.offline === null) {
    throw new UsageError(`--offline is for SQLite, and ${store.target.database} is not`, {
      hint: 'Leave it out: batches are as fast here, and nobody has to stop.',
    });
  }
  if (request.verifications && store.verifications === null) {
    await context.warn(`${store.target.database} has no verification table that sessionctl knows`);
  }
  if (store.hidesRows)
    await context.warn(
      'row-level security may hide sessions from this account: expired ones would stay, unseen',
    );
  const startedAt = await store.readClock();
  const expiredAt = sweepCutoff(startedAt, request.grace ?? 0, store.zoneKnown);
  if (!store.zoneKnown) {
    await context.note(
      'note: times are stored without a zone, so that sessions are kept for 12 h after they seem to have expired; --time-zone says which one',
    );
  }
  const report = (done: Sweep): SweepReport => ({
    command: 'sweep',
    runId,
    dryRun: request.dryRun,
    target: store.target,
    deleted: done.deleted,
    users: null,
    remaining: done.remaining?.rows ?? null,
    notFound: [],
    secondary:
      done.secondary === null
        ? null
        : {
            deleted: done.secondary.expired + done.secondary.orphans,
            remaining: done.stoppedBecause === 'complete' && !request.dryRun ? 0 : null,
            ...done.secondary,
          },
    oauthTokens: store.bindsTokens ? { revoked: done.oauthTokens, offlineLeft: null } : null,
    batches: done.batches,
    startedAt,
    finishedAt: done.finishedAt,
    durationMs: millisecondsOf(done.finishedAt) - millisecondsOf(startedAt),
    stoppedBecause: done.stoppedBecause,
    effectiveAt: null,
    expiredBy: expiredAt,
    graceMs: request.grace ?? 0,
    verifications: done.verifications,
    remainingVerifications: done.remaining?.verifications ?? null,
    longestBatchMs: done.longestBatch,
    way: done.way,
    uncertain: done.uncertain,
  });
  const runId = randomUUID();

  if (request.dryRun) {
    const sessions = await store.count(expiredBy(expiredAt));
    const verifications = request.verifications
      ? ((await store.verifications?.count(expiredAt)) ?? null)
      : null;
    const counted = { rows: sessions + (verifications ?? 0), verifications };
    const secondary = await lookIntoSecondary(context, store, expiredAt);
    await print(
      context,
      report({ ...untouched, secondary, remaining: counted, finishedAt: await store.readClock() }),
      json,
    );
    if (request.limit !== null && request.limit < counted.rows)
      await context.note(
        `note: one run with --limit ${String(request.limit)} would delete no more than that`,
      );
    return;
  }

  await store.rehearseEnding({ preserveAt: null }, 'patient');
  if (request.verifications) await store.verifications?.rehearse();
  const replication = request.maxLag === null ? null : await store.openReplication();
  try {
    await sweepAlone(context, store, request, {
      json,
      runId,
      startedAt,
      expiredAt,
      report,
      tell,
      replication,
    });
  } finally {
    await replication?.close();
  }
}

/** What a run of `sweep` has found out before it begins. */
interface SweepRun {
  readonly json: boolean;
  readonly runId: string;
  readonly startedAt: Instant;
  readonly expiredAt: Instant;
  readonly report: (done: Sweep) => SweepReport;
  readonly tell: (report: SweepReport) => void;
  /** Null where nobody looks at replicas. */
  readonly replication: Replication | null;
}

async function sweepAlone(
  context: Context,
  store: SweptStore,
  request: SweepRequest,
  { json, runId, startedAt, expiredAt, report, tell, replication }: SweepRun,
): Promise<void> {
  const { user, host } = context.system.operator();
  const lock = await store.lock(
    'sweep',
    { who: `${user}@${host}, pid ${String(context.system.pid)}`, since: startedAt },
    {
      milliseconds: request.wait,
      signal: context.system.signal,
      remark: (text) => void context.note(text),
    },
  );
  try {
    const recorded = {
      runId,
      request: { command: 'sweep', recorded: request.words, reason: null },
      plan: null,
    };
    // A run that finds nothing changes nothing: years of them would be all that a history is made of.
    const isRecorded = await hasExpired(context, store, expiredAt, request);
    const start = await findStart(context, store);
    if (isRecorded) await recordStart(context, store, recorded);
    const done = await perform(context, store, request, { expiredAt, start, replication }, () => lock.keep());
    const finished = report(done);
    tell(finished);
    const isCancelled = done.stoppedBecause === 'signal' && hasChangedNothing(finished);
    // But where it stopped on its way the next one has to know.
    const isTold = isRecorded || done.position !== null;
    const unrecorded = isTold
      ? await record(context, store, recorded, {
          event: isCancelled ? 'cancelled' : 'finished',
          revoked: done.deleted + (finished.secondary?.deleted ?? 0),
          remaining: finished.remaining,
          outcome: isCancelled ? null : outcomeOf(done),
          detail: done.failure instanceof Error ? context.redactor.redact(done.failure.message) : null,
          position: done.position ?? undefined,
          ...(store.bindsTokens ? { oauthTokens: done.oauthTokens } : {}),
        }).then(
          () => null,
          (error: unknown) => error,
        )
      : null;
    const isQuiet = context.flags.quiet === true && done.stoppedBecause === 'complete' && !json;
    if (!isQuiet) await print(context, finished, json);
    await judgeSweep(context, store, request, { report: finished, done, unrecorded });
  } finally {
    await lock.release();
  }
}

/** What a sweep would do in secondary storage; null where there is none. */
async function lookIntoSecondary(
  context: Context,
  { secondary }: SweptStore,
  expiredAt: Instant,
): Promise<SweptSecondary | null> {
  if (secondary === null) return null;
  let sum = nothingSwept;
  const options = {
    dryRun: true,
    stop: context.system.signal,
    before: () => Promise.resolve(),
    remark: (text: string) => void context.warn(text),
  };
  for await (const step of secondary.sweep(expiredAt, options)) sum = addSwept(sum, step);
  return sum;
}

/** A sweep that has not begun. */
const untouched: Omit<Sweep, 'remaining' | 'finishedAt'> = {
  deleted: 0,
  verifications: null,
  secondary: null,
  oauthTokens: 0,
  batches: 0,
  longestBatch: 0,
  uncertain: false,
  way: 'walk',
  stoppedBecause: 'complete',
  failure: null,
  position: null,
  hasMoved: false,
};

/** Whether there is anything to delete; where nobody can tell in time, there may be. */
async function hasExpired(
  context: Context,
  store: SweptStore,
  expiredAt: Instant,
  { verifications }: SweepRequest,
): Promise<boolean> {
  try {
    if ((await store.pick(expiredBy(expiredAt), 1)).length > 0) return true;
    if (verifications && ((await store.verifications?.count(expiredAt)) ?? 0) > 0) return true;
    const secondary = await lookIntoSecondary(context, store, expiredAt);
    return secondary !== null && secondary.expired + secondary.orphans > 0;
  } catch (error) {
    if (error instanceof SessionctlError) return true;
    throw error;
  }
}

async function perform(
  context: Context,
  store: SweptStore,
  request: SweepRequest,
  {
    expiredAt,
    start,
    replication,
  }: Pick<SweepRun, 'expiredAt' | 'replication'> & Pick<SweepOptions, 'start'>,
  keepLock: () => Promise<void>,
): Promise<Sweep> {
  const { system } = context;
  const { startProgress } = await import('../output/progress.ts');
  const { terminal } = context.stderr;
  const progress = await startProgress({
    system,
    terminal,
    // In cron's mail only what went wrong is of interest.
    quiet: context.flags.quiet === true || !terminal.interactive,
    what: 'Deleting expired sessions',
    total: null,
  });
  system.changing();
  try {
    if (request.offline) return await sweepOffline(store, request, expiredAt);
    const { pause, maxRuntime, maxLag } = request;
    const timeIsUp = maxRuntime === null ? new AbortController().signal : AbortSignal.timeout(maxRuntime);
    const stop = AbortSignal.any([system.signal, timeIsUp]);
    const sleep = (milliseconds: number) =>
      wait(milliseconds, undefined, { signal: stop }).catch(() => undefined);
    const remark = (text: string) => {
      progress.remark(text);
    };
    const replicasFollow =
      replication === null || maxLag === null
        ? null
        : awaitReplicas(replication, { maxLag, pause: sleep, signal: stop, remark });
    await replicasFollow?.();
    return await sweepStore(store, {
      expiredAt,
      verifications: request.verifications,
      limit: request.limit,
      batchSize: request.batchSize,
      start,
      signal: system.signal,
      timeIsUp,
      before: keepLock,
      rest: async () => {
        if (pause > 0) await sleep(pause);
        await replicasFollow?.();
      },
      onBatch: (deleted) => {
        progress.update(deleted);
      },
      remark,
    });
  } finally {
    progress.stop();
  }
}

async function sweepOffline(
  store: SweptStore,
  { verifications, vacuum }: SweepRequest,
  expiredAt: Instant,
): Promise<Sweep> {
  const { offline } = store;
  if (offline === null) throw new Error('the store has no way offline');
  let swept: Awaited<ReturnType<typeof offline.sweep>> = { sessions: 0, oauthTokens: 0, milliseconds: 0 };
  let others = 0;
  let failure: unknown = null;
  try {
    swept = await offline.sweep(expiredAt);
    if (verifications && store.verifications !== null) {
      const all = { atMost: null, remark: () => undefined };
      for await (const batch of store.verifications.sweep(expiredAt, all)) others += batch.sessions;
    }
    if (vacuum) await offline.vacuum();
  } catch (error) {
    // What is gone by then must be told.
    failure = error;
  }
  const left = failure === null ? await store.lookAgain(expiredBy(expiredAt), 0).catch(() => null) : null;
  return {
    ...untouched,
    deleted: swept.sessions,
    verifications: verifications && store.verifications !== null ? others : null,
    oauthTokens: swept.oauthTokens,
    batches: 1,
    longestBatch: Math.round(swept.milliseconds),
    remaining:
      left === null
        ? null
        : { rows: left.sessions, verifications: verifications && store.verifications !== null ? 0 : null },
    way: 'offline',
    finishedAt: await store.readClock(),
    stoppedBecause: failure === null ? 'complete' : 'failed',
    failure,
    hasMoved: failure === null || swept.sessions > 0,
  };
}

function outcomeOf({ stoppedBecause, remaining }: Sweep): 'complete' | 'partial' | 'failed' {
  if (stoppedBecause === 'failed') return 'failed';
  return stoppedBecause === 'complete' && (remaining?.rows ?? 0) === 0 ? 'complete' : 'partial';
}

/** A reader that went away is none of a sweep's concern. */
async function print(context: Context, report: SweepReport, json: boolean): Promise<void> {
  const { sweepJson, sweepLine } = await import('../output/sweep-report.ts');
  try {
    const { styles, terminal } = context.stdout;
    await context.print(json ? sweepJson(report) : sweepLine(report, styles, terminal));
  } catch (error) {
    if (!(error instanceof OutputClosedError)) throw error;
  }
}
