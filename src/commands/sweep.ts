import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { keepsRecords } from '../config/settings.ts';
import { CancelledError, IncompleteError, SessionctlError, UsageError, type ExitCode } from '../errors.ts';
import { counted, inNumber } from '../output/counted.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import type { SweepReport } from '../output/sweep-report.ts';
import type { Instant } from '../sessions/instant.ts';
import { countExpired, sweep as sweepStore, sweepCutoff, type Sweep } from '../sessions/sweep.ts';
import { awaitReplicas } from '../sessions/await-replicas.ts';
import { hasChangedNothing, judgeSweep } from './sweep/judge-sweep.ts';
import { record, recordStart } from './revocation/revocation-history.ts';
import { addSweepOptions, parseSweep, type SweepFlags, type SweepRequest } from './sweep/sweep-options.ts';
import { openMetricsFile } from './sweep/sweep-metrics-file.ts';
import { startDeadline, withinTime } from './sweep/sweep-deadline.ts';
import { sweepOffline, untouched } from './sweep/sweep-offline.ts';
import { printSweep, sweepReport } from './sweep/report-sweep.ts';
import { lookIntoSecondary, hasExpired } from './sweep/swept-secondary.ts';
import { type SweptStore, type SweepRun } from './sweep/sweep-run.ts';

export const sweep = defineCommand<SweepFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 8, 130],
  examples: [
    ['sessionctl sweep --dry-run', 'Count expired sessions; changes nothing'],
    [
      'sessionctl sweep --grace 7d --verifications',
      'Delete what expired more than a week ago, and old verifications',
    ],
    [
      'sessionctl sweep -q --max-runtime 10m --metrics-file /var/lib/node_exporter/sessionctl.prom',
      'For cron: prints nothing while all is well',
    ],
    ['sessionctl sweep --offline --vacuum', 'For SQLite, while the application is stopped'],
  ],
  configure: addSweepOptions,
  run: async (context, flags) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    const request = parseSweep(flags);
    await refuseRecords(context, request);
    const metrics =
      // A dry run is not a sweep, and must not replace its figures.
      request.metricsFile === null || request.dryRun
        ? null
        : await openMetricsFile(request.metricsFile, context.system.cwd);
    const begun = performance.now();
    const deadline = startDeadline(request.maxRuntime, begun);
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
        kept: last?.kept ?? null,
        unreadable: last?.unreadable ?? null,
        batches: last?.batches ?? 0,
        longestBatchMs: last?.longestBatchMs ?? 0,
      });
    };
    try {
      const work = context.withStore(request.dryRun ? 'read' : 'write', (store) =>
        run(context, store, request, {
          json,
          deadline,
          tell: (report) => {
            swept.last = report;
          },
        }),
      );
      await withinTime(deadline, work);
    } catch (thrown) {
      const error = deadline.givesUp.aborted ? outOfTime(context, thrown) : thrown;
      // The error that ended the sweep matters more than a metrics file that could not be written.
      await tellMetrics(exitCodeOf(error, context)).catch((other: unknown) =>
        context.warn(other instanceof Error ? other.message : String(other)),
      );
      throw error;
    } finally {
      deadline.clear();
    }
    await tellMetrics(0);
    return 0;
  },
});

/** The error of a run whose time was over before the first batch, where it stops waiting. */
function outOfTime({ system }: Context, thrown: unknown): unknown {
  const isGivenUp = !(thrown instanceof SessionctlError) || thrown instanceof CancelledError;
  if (!isGivenUp || system.signal.aborted) return thrown;
  return new IncompleteError('stopped by --max-runtime before the first batch; nothing was deleted', {
    hint: 'No progress. Raise --max-runtime: it includes connecting, waiting and counting.',
    cause: thrown,
  });
}

function exitCodeOf(error: unknown, { system }: Context): ExitCode {
  if (error instanceof SessionctlError) return error.exitCode;
  return system.signal.aborted ? 130 : 1;
}

/** @throws UsageError where expired rows are records and no grace is given */
async function refuseRecords(context: Context, { grace }: SweepRequest): Promise<void> {
  if (grace !== null || !keepsRecords(await context.settings())) return;
  throw new UsageError('preserve_in_database keeps expired sessions as records, and --grace is not set', {
    hint: 'Give --grace, such as --grace 90d.',
  });
}

async function run(
  context: Context,
  store: SweptStore,
  request: SweepRequest,
  { json, deadline, tell }: Pick<SweepRun, 'json' | 'deadline' | 'tell'>,
): Promise<void> {
  if (request.offline && store.offline === null) {
    throw new UsageError(`--offline is for SQLite, and ${store.target.database} is not`, {
      hint: 'Remove it: batches are as fast here, and the application can keep running.',
    });
  }
  if (request.verifications && store.verifications === null) {
    await context.warn(`${store.target.database} has no verification table that sessionctl knows`);
  }
  if (store.hidesRows)
    await context.warn(
      'row-level security may hide sessions from this account: expired ones that it cannot see would stay',
    );
  const startedAt = await store.readClock();
  const expiredAt = sweepCutoff(startedAt, request.grace ?? 0, store.zoneKnown);
  if (!store.zoneKnown) {
    await context.note(
      'note: times are stored without a zone, so sessions are kept for 12 h after they seem to have expired; set the zone with --time-zone',
    );
  }
  const mismatch = await store.findMismatch();
  // An empty deployment is not worth a message in cron's mail.
  if (mismatch?.kind === 'empty') await context.note(`note: ${mismatch.text}`);
  else if (mismatch !== null) await context.warn(`${mismatch.text}. ${mismatch.hint}`);
  const heldInRedis = (await store.secondary?.countKept(expiredAt)) ?? 0;
  if (heldInRedis > 0)
    await context.note(
      `note: ${counted(heldInRedis, 'expired row')} ${inNumber(heldInRedis, 'is kept, since Redis holds its session', 'are kept, since Redis holds their sessions')}, and Better Auth believes Redis first`,
    );
  const runId = randomUUID();
  const keepsSome = (request.grace ?? 0) > 0 || !store.zoneKnown;
  const keptUntil = keepsSome ? startedAt : null;
  const report = (done: Sweep) =>
    sweepReport(store, request, { runId, startedAt, expiredAt, heldInRedis }, done);

  if (request.dryRun) {
    const verifications = request.verifications ? store.verifications : null;
    const countedBy = (moment: Instant) => countExpired(store, verifications, moment, deadline.timeLeft);
    const remaining = await countedBy(expiredAt);
    const all = keptUntil === null ? remaining : await countedBy(keptUntil);
    const kept = all === null || remaining === null ? null : Math.max(0, all.rows - remaining.rows);
    const secondary = await lookIntoSecondary(context, store, expiredAt, deadline);
    const finishedAt = await store.readClock();
    await printSweep(context, report({ ...untouched, secondary, remaining, kept, finishedAt }), json);
    if (request.limit !== null && remaining !== null && request.limit < remaining.rows)
      await context.note(
        `note: one run with --limit ${String(request.limit)} would delete no more than that`,
      );
    if (remaining === null)
      throw new IncompleteError(
        'stopped by --max-runtime before everything was counted; nothing was changed',
        {
          hint: 'Raise --max-runtime.',
        },
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
      keptUntil,
      deadline,
      report,
      tell,
      replication,
    });
  } finally {
    await replication?.close();
  }
}

async function sweepAlone(
  context: Context,
  store: SweptStore,
  request: SweepRequest,
  run: SweepRun,
): Promise<void> {
  const { json, runId, startedAt, deadline, report, tell } = run;
  const { user, host } = context.system.operator();
  const lock = await store.lock(
    'sweep',
    { who: `${user}@${host}, pid ${String(context.system.pid)}`, since: startedAt },
    {
      milliseconds: Math.min(request.wait, deadline.timeLeft()),
      signal: AbortSignal.any([context.system.signal, deadline.givesUp]),
      remark: (text) => void context.note(text),
    },
  );
  try {
    const recorded = {
      runId,
      request: { command: 'sweep', recorded: request.words, reason: null },
      plan: null,
    };
    // Runs that find nothing change nothing, and would fill the history over the years.
    const isRecorded = await hasExpired(context, store, run, request);
    deadline.begins();
    if (isRecorded) await recordStart(context, store, recorded);
    const done = await perform(context, store, request, run, () => lock.keep());
    const finished = report(done);
    tell(finished);
    const isCancelled = done.stoppedBecause === 'signal' && hasChangedNothing(finished);
    const unrecorded = isRecorded
      ? await record(context, store, recorded, {
          event: isCancelled ? 'cancelled' : 'finished',
          revoked: done.deleted + (finished.secondary?.deleted ?? 0),
          remaining: finished.remaining,
          outcome: isCancelled ? null : outcomeOf(done),
          detail: detailOf(context, done),
          ...(store.bindsTokens ? { oauthTokens: done.oauthTokens } : {}),
        }).then(
          () => null,
          (error: unknown) => error,
        )
      : null;
    const isQuiet = context.flags.quiet === true && done.stoppedBecause === 'complete' && !json;
    const unread = isQuiet
      ? null
      : await printSweep(context, finished, json).then(
          () => null,
          (error: unknown) => error,
        );
    await judgeSweep(context, store, request, { report: finished, done, unrecorded, unread });
  } finally {
    // The lock ends with the run in any case, and the operator has to see the outcome of the sweep.
    await lock.release().catch((error: unknown) => context.warn(error instanceof Error ? error.message : ''));
  }
}

function detailOf({ redactor }: Context, { failure, unseen }: Sweep): string | null {
  const cause = failure ?? unseen;
  return cause instanceof Error ? redactor.redact(cause.message) : null;
}

async function perform(
  context: Context,
  store: SweptStore,
  request: SweepRequest,
  {
    expiredAt,
    keptUntil,
    deadline,
    replication,
  }: Pick<SweepRun, 'expiredAt' | 'keptUntil' | 'deadline' | 'replication'>,
  keepLock: () => Promise<void>,
): Promise<Sweep> {
  const { system } = context;
  const { startProgress } = await import('../output/progress.ts');
  const { terminal } = context.stderr;
  const progress = startProgress({
    system,
    terminal,
    // In cron's mail only failures are of interest.
    quiet: context.flags.quiet === true || !terminal.interactive,
    what: 'Deleting expired sessions',
    total: null,
  });
  system.changing();
  try {
    const remark = (text: string) => {
      progress.remark(text);
    };
    if (request.offline) {
      const { signal } = system;
      return await sweepOffline(store, request, { expiredAt, keptUntil, signal, before: keepLock, remark });
    }
    const { pause, maxLag } = request;
    const { timeIsUp } = deadline;
    const stop = AbortSignal.any([system.signal, timeIsUp]);
    const sleep = (milliseconds: number) =>
      wait(milliseconds, undefined, { signal: stop }).catch(() => undefined);
    const replicasFollow =
      replication === null || maxLag === null
        ? null
        : awaitReplicas(replication, { maxLag, pause: sleep, signal: stop, remark });
    await replicasFollow?.();
    return await sweepStore(store, {
      expiredAt,
      keptUntil,
      verifications: request.verifications,
      limit: request.limit,
      batchSize: request.batchSize,
      signal: system.signal,
      timeIsUp,
      timeLeft: deadline.timeLeft,
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

function outcomeOf({ stoppedBecause, remaining }: Sweep): 'complete' | 'partial' | 'failed' {
  if (stoppedBecause === 'failed') return 'failed';
  return stoppedBecause === 'complete' && (remaining?.rows ?? 0) === 0 ? 'complete' : 'partial';
}
