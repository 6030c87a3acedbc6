import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Redactor } from '../../redaction.ts';
import type { Context } from '../../context.ts';
import { keepsRecords, type SessionSettings } from '../../config/settings.ts';
import { CancelledError, ConfigError, GuardError, SessionctlError, UsageError } from '../../errors.ts';
import { grouped } from '../../grouped.ts';
import { counted, inNumber } from '../../output/counted.ts';
import type { Undeclared } from '../../output/revocation-plan.ts';
import { longestCopy } from '../../sessions/cached-copy.ts';
import { millisecondsOf, wholeSecond, type Instant } from '../../sessions/instant.ts';
import { revoke, type Revocation } from '../../sessions/revocation.ts';
import { planRevocation } from '../../sessions/revocation-plan.ts';
import { comparesTimes, everySession, type Selection } from '../../sessions/selection.ts';
import { areCredentials } from '../../sessions/resolve-selection.ts';
import type { RecordedStore } from '../../history/shared-history.ts';
import { emailsOf } from '../emails-of.ts';
import { onlyIncluded, sumOf } from '../../sessions/ways-back.ts';
import { foreseeObstacles, warningsOf } from './foresee-obstacles.ts';
import {
  endedBy,
  failForMissing,
  failForUnclear,
  failForUnreadable,
  judgeRevocation,
  leftBy,
  unclearAddresses,
} from './judge-revocation.ts';
import { moreThanHalf, refuseMost } from './more-than-half.ts';
import { reportRevocation } from './report-revocation.ts';
import { recordEnd, recordIfPossible, recordStart } from './revocation-history.ts';
import { failForUnreadableKeys } from '../unreadable-keys.ts';
import type { RevocationFlags } from './revocation-options.ts';
import type { RevocationRequest, Run } from './revocation-run.ts';

/** Above this number of sessions, y is not enough: the operator types the number. */
const TYPED_ABOVE = 100;
const SAMPLE = 5;
/** Characters. Better Auth's own tokens have 32. */
export const SHORTEST_CREDENTIAL = 16;

/** Whether `--yes` is needed because the operator cannot be asked. */
export function lacksYes(context: Context, flags: RevocationFlags, asks: boolean): boolean {
  return flags.yes !== true && flags.dryRun !== true && !(asks && context.mayPrompt);
}

/**
 * Refuses what can be refused before connecting.
 * @throws UsageError where the operator cannot be asked and `--yes` was not given
 */
export function checkBeforehand(context: Context, flags: RevocationFlags, asks: boolean): void {
  if (lacksYes(context, flags, asks)) {
    throw new UsageError('this ends sessions and needs --yes when it cannot ask', {
      hint: 'Preview it with --dry-run.',
    });
  }
}

/**
 * Plans, asks, ends, checks again and reports: everything that a command that ends sessions does.
 * @throws CancelledError, GuardError, IncompleteError, SurvivorsError, FailedError, ConnectionError
 */
export async function carryOut(
  context: Context,
  store: RecordedStore,
  request: RevocationRequest,
  flags: RevocationFlags,
): Promise<void> {
  const settings = await context.settings();
  const { session } = settings;
  const preserve = keepsRecords(settings);
  const dryRun = flags.dryRun === true;
  refuseUnknowable(request.selection, preserve, store);
  if (flags.yes === true && !dryRun) await refuseAssumedZone(request.selection, store);
  await refuseCredentials(request, store, context.redactor);
  const startedAt = await store.readClock();
  const runId = randomUUID();
  if (!dryRun) {
    try {
      await store.rehearseEnding({ preserveAt: preserve ? wholeSecond(startedAt) : null });
      await store.waysBack.rehearse(request.included);
    } catch (error) {
      if (error instanceof SessionctlError) {
        const detail = context.redactor.redact(error.message);
        await recordIfPossible(context, store, { runId, request, plan: null }, { event: 'refused', detail });
      }
      throw error;
    }
  }

  // Sessions that are ended in the wrong store stay valid, so the operator has to know before anything is done.
  const mismatch = await store.findMismatch();
  const obstacles = await foreseeObstacles(context, store, {
    preserve,
    dryRun,
    included: request.included,
  });
  const isShown = dryRun ? !request.json : flags.yes !== true || context.flags.quiet !== true;
  const sampleSize = isShown ? SAMPLE : 0;
  const plan = await planRevocation(store, request.selection, { preserve, sampleSize });
  const run: Run = {
    runId,
    request,
    plan,
    startedAt,
    mismatch,
    obstacles,
    flags,
    unreadable: request.selection.sessionIds === null ? store.unreadable() : 0,
    undeclared: undeclaredIn(session),
    preserve,
    cookieCache: session.cookieCache.enabled ? longestCopy(session.cookieCache) : null,
  };
  const affected = plan.survey.sessions;
  const saysMismatch = isShown && (dryRun || affected > 0);
  if (!saysMismatch) for (const doubt of request.addressDoubts) await context.warn(doubt);
  if (mismatch !== null && !saysMismatch) await context.warn(mismatch.text);
  const tooMany =
    request.maxAffected !== null && affected > request.maxAffected
      ? `${counted(affected, 'session')} ${inNumber(affected, 'matches', 'match')}, and --max-affected allows ${String(request.maxAffected)}`
      : null;
  if (!dryRun) await refuseDoubt(context, store, run);
  const most = moreThanHalf(run);
  const besides = sumOf(onlyIncluded(plan.survey.waysBack, request.included));
  if (dryRun || affected + besides === 0) {
    if (dryRun && isShown) await showPlan(context, store, run, 'stdout');
    await reportRevocation(context, store, run, null);
    const refusal = tooMany ?? most;
    if (refusal !== null)
      await context.warn(
        `${refusal}: ${tooMany === null ? 'with --yes instead of' : 'without'} --dry-run this would be refused; --max-affected ${String(affected)} allows it`,
      );
    if (dryRun && isInDoubt(run))
      await context.warn(
        `with --yes instead of --dry-run this would be refused. ${mismatch?.hint ?? ''}`.trim(),
      );
    if (!dryRun) failForUnclear(plan);
    failForMissing(request);
    if (!dryRun) failForUnreadable(plan);
    if (!dryRun) failForUnreadableKeys(run.unreadable);
    return;
  }

  if (tooMany !== null) {
    await recordIfPossible(context, store, run, { event: 'refused', detail: tooMany });
    throw new GuardError(`${tooMany}; nothing was changed`, {
      hint: `Narrow the selection, or give --max-affected ${String(affected)} if all of them are meant.`,
    });
  }

  if (flags.yes === true && most !== null) {
    await recordIfPossible(context, store, run, { event: 'refused', detail: most });
    throw refuseMost(most, affected);
  }
  if (isShown) await showPlan(context, store, run, 'stderr');
  if (flags.yes !== true) await ask(context, store, run);

  await recordStart(context, store, run);
  const done = await endSessions(context, store, run).catch(async (error: unknown) => {
    const detail = error instanceof Error ? context.redactor.redact(error.message) : null;
    await recordIfPossible(context, store, run, { event: 'finished', revoked: 0, outcome: 'failed', detail });
    throw error instanceof SessionctlError ? error.withContext('nothing was changed', undefined) : error;
  });
  const unrecorded = await recordEnd(context, store, run, done);
  // What happened to the sessions matters more than a report that could not be delivered.
  const unread: unknown = await reportRevocation(context, store, run, done).then(
    () => null,
    (error: unknown) => error,
  );
  judgeRevocation(context, store, run, done, unrecorded);
  if (unread instanceof SessionctlError) {
    throw unread.withContext(
      `${endedBy(done)} had been ended before that, ${leftBy(done)}, as the history says`,
      unread.hint,
    );
  }
  if (unread instanceof Error) throw unread;
  failForUnclear(plan);
  failForMissing(request);
  failForUnreadable(done);
  failForUnreadableKeys(run.unreadable);
}

function undeclaredIn({ cookieCache, secondaryStorage }: SessionSettings): readonly Undeclared[] {
  return [
    ...(cookieCache.isDeclared ? [] : (['cookie_cache'] as const)),
    ...(secondaryStorage === null ? (['secondary_storage'] as const) : []),
  ];
}

/**
 * Whether Redis and the configuration contradict each other, so that it is not known what ending sessions there would
 * end. Sessions of users that the database does not know may be ended where they are named, or where the operator is
 * asked.
 */
function isInDoubt({ mismatch, request: { selection, missed }, plan, flags }: Run): boolean {
  if (mismatch === null || mismatch.kind === 'empty' || flags.allowMismatch === true) return false;
  const nothingFound = plan.survey.sessions === 0;
  if (nothingFound && missed.length > 0) return false;
  if (mismatch.kind !== 'strangers' || nothingFound) return true;
  const isNamed = selection.sessionIds !== null || selection.userIds.length > 0;
  return !isNamed && (flags.yes === true || flags.dryRun === true);
}

/** @throws GuardError before anything is changed */
async function refuseDoubt(context: Context, store: RecordedStore, run: Run): Promise<void> {
  const { mismatch } = run;
  if (mismatch === null || !isInDoubt(run)) return;
  await recordIfPossible(context, store, run, { event: 'refused', detail: mismatch.text });
  throw new GuardError(`${mismatch.text}; nothing was changed`, { hint: mismatch.hint });
}

/** @throws ConfigError, UsageError where keeping rows as records cannot be done right */
function refuseUnknowable(selection: Selection, preserve: boolean, store: RecordedStore): void {
  if (!preserve) return;
  if (selection.state === 'expired') {
    throw new UsageError(
      'with preserve_in_database an expired session is a record: there is nothing to end',
      {
        hint: 'Remove --state expired.',
      },
    );
  }
  if (!store.zoneKnown) {
    throw new ConfigError(
      'preserve_in_database sets the expiry to the current time, and that time is not known: times are stored without a zone',
      { hint: 'Set time_zone in the profile, or --time-zone, to the zone of the application that writes.' },
    );
  }
}

/** Milliseconds. Time zones differ by at least this much, so a session this recent shows which zone wrote it. */
const TELLING = 15 * 60_000;

/**
 * Times that are stored without a zone are read as UTC. A session that was used just now confirms that.
 * @throws ConfigError where times select sessions, the operator does not see which, and no session confirms the zone
 */
async function refuseAssumedZone(selection: Selection, store: RecordedStore): Promise<void> {
  if (store.zoneKnown || !comparesTimes(selection)) return;
  const newest: (Instant | null)[] = [];
  const latest = { sort: { field: 'updatedAt', direction: 'desc' }, limit: 1 } as const;
  for await (const chunk of store.list(everySession, latest))
    newest.push(...chunk.map(({ updatedAt }) => updatedAt));
  const [used = null] = newest;
  if (used !== null && Math.abs(millisecondsOf(used) - millisecondsOf(store.now)) < TELLING) return;
  const seen = used === null ? '' : `; the latest use reads ${used}, and the database's clock ${store.now}`;
  throw new ConfigError(
    `times are stored without a zone and no time zone is set, so the selection could match other sessions${seen}`,
    {
      hint: 'Give --time-zone, or time_zone in the profile: that of the application that writes, such as UTC.',
    },
  );
}

/** @throws UsageError where the text that would be shown and recorded holds the token of a session */
export async function refuseCredentials(
  { reason, words }: Pick<RevocationRequest, 'reason' | 'words'>,
  store: RecordedStore,
  redactor: Redactor,
): Promise<void> {
  if (redactor.holdsSecret(`${reason ?? ''} ${words}`)) {
    throw new UsageError('a secret of the configuration was given, and the history would keep it', {
      hint: 'Nothing was changed. Give another --reason.',
    });
  }
  const long = `${reason ?? ''} ${words}`
    .split(/[\s"]+/)
    .filter((word) => word.length >= SHORTEST_CREDENTIAL);
  if (!(await areCredentials(long, store)).includes(true)) return;
  throw new UsageError('a token was given, and the history would keep it', {
    hint: 'Nothing was changed. `sessionctl revoke --token-stdin` ends the session of a token.',
  });
}

async function showPlan(
  context: Context,
  store: RecordedStore,
  { request, plan, preserve, cookieCache, mismatch, obstacles, unreadable, undeclared }: Run,
  stream: 'stdout' | 'stderr',
): Promise<void> {
  const { planText } = await import('../../output/revocation-plan.ts');
  const { showsImpersonator } = await import('../../output/session-table.ts');
  const { terminal, styles } = context[stream];
  const impersonators = showsImpersonator(plan.sample, false, terminal)
    ? plan.sample.map(({ impersonatedBy }) => impersonatedBy)
    : [];
  const text = planText(
    {
      target: store.target,
      selection: request.words,
      survey: plan.survey,
      unclear: unclearAddresses(plan),
      unreadableTimes: plan.unreadableTimes,
      all: plan.all,
      sample: plan.sample,
      isNewest: plan.isNewest,
      cookieCache,
      handsOutJwts: store.handsOutJwts,
      jwtExpiresIn: (await context.settings()).auth.jwtExpiresIn,
      clock: cookieCache === null ? store.now : await store.readClock(),
      included: request.included,
      preserve,
      untilQuiet: request.untilQuiet,
      mismatch: mismatch?.text ?? null,
      unreadable,
      undeclared,
      cautions: [
        ...request.addressNotes,
        ...request.addressDoubts,
        ...store.cautions,
        ...warningsOf(obstacles),
      ],
    },
    { now: store.now, wide: false, emails: await emailsOf(impersonators, store), terminal, styles },
  );
  await (stream === 'stdout' ? context.print(text) : context.show(text));
}

/** @throws CancelledError where the answer is no */
async function ask(context: Context, store: RecordedStore, run: Run): Promise<void> {
  const { sessions } = run.plan.survey;
  const prompter = await context.prompter();
  try {
    const typed = run.request.typeNumber || sessions > TYPED_ABOVE || moreThanHalf(run) !== null;
    const agreed = typed
      ? await prompter.typeNumber(
          `Type ${grouped(sessions)} to end ${inNumber(sessions, 'this session', 'these sessions')}`,
          sessions,
        )
      : await prompter.confirm(
          sessions === 0
            ? 'End what the plan lists besides sessions?'
            : `End ${sessions === 1 ? 'this session' : `these ${String(sessions)} sessions`}?`,
          false,
        );
    if (!agreed) throw new CancelledError('cancelled, nothing was changed');
  } catch (error) {
    if (error instanceof CancelledError) {
      await recordIfPossible(context, store, run, { event: 'cancelled' });
      await reportRevocation(context, store, run, null);
    }
    throw error;
  }
}

async function endSessions(
  context: Context,
  store: RecordedStore,
  { request, plan, preserve }: Run,
): Promise<Revocation> {
  const { system } = context;
  const { startProgress } = await import('../../output/progress.ts');
  const progress = startProgress({
    system,
    terminal: context.stderr.terminal,
    quiet: context.flags.quiet === true,
    what: 'Ending sessions',
    total: plan.survey.sessions,
  });
  const onStop = () => {
    progress.remark(
      `${String(system.signal.reason)}: stopping after this batch; a second signal ends it at once`,
    );
  };
  system.signal.addEventListener('abort', onStop);
  system.changing();
  try {
    return await revoke(store, plan, {
      preserve,
      included: request.included,
      untilQuiet: request.untilQuiet,
      maxAffected: request.maxAffected,
      signal: system.signal,
      pause: (milliseconds) =>
        wait(milliseconds, undefined, { signal: system.signal }).catch(() => undefined),
      onBatch: (revoked) => {
        progress.update(revoked);
      },
      remark: (text) => {
        progress.remark(text);
      },
    });
  } finally {
    system.signal.removeEventListener('abort', onStop);
    progress.stop();
  }
}
