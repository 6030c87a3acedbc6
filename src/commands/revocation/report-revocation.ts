import type { Context } from '../../context.ts';
import { jsonLine } from '../../output/json-text.ts';
import type { Outlives, RevocationReport } from '../../output/revocation-report.ts';
import { outlivingText } from '../../output/ways-back-text.ts';
import { OutputClosedError } from '../../output/writer.ts';
import { millisecondsOf, toInstant } from '../../sessions/instant.ts';
import type { Revocation } from '../../sessions/revocation.ts';
import {
  includesOffline,
  noWaysBack,
  waysBack,
  type WaysBackCounts,
  type WaysBackNumbers,
} from '../../sessions/ways-back.ts';
import type { RecordedStore } from '../../history/shared-history.ts';
import { endedBy, leftBy } from './judge-revocation.ts';
import type { RevocationRequest, Run } from './revocation-run.ts';

const FEW_TAKEN = 5;

/**
 * Prints one report on stdout. Where the reader of stdout is gone, stderr says what the report would have said.
 * @param done null where nothing was done: a dry run, nothing that matches, or cancelled
 * @throws FailedError where stdout cannot be written
 */
export async function reportRevocation(
  context: Context,
  store: RecordedStore,
  { runId, request, plan, flags, cookieCache, startedAt, mismatch, unreadable, undeclared }: Run,
  done: Revocation | null,
): Promise<void> {
  const { survey } = plan;
  const met = done?.met ?? survey;
  const matched = done?.matched ?? survey.sessions;
  const dryRun = flags.dryRun === true;
  const { reportText } = await import('../../output/revocation-report.ts');
  const cancelled = done === null && !dryRun && survey.sessions > 0;
  // A connection that was lost during the prompt must not keep the report from being written.
  const finishedAt = done?.finishedAt ?? (await store.readClock().catch(() => startedAt));
  const isGone = done?.remaining === 0;
  const nothingMatches = done === null && !dryRun && survey.sessions === 0;
  // It is not known what a store holds that does not answer, nor whose a session is that cannot be read.
  const isKnown = (nothingMatches || (isGone && done.unseen === null)) && unreadable === 0;
  const effectiveAt = isKnown ? toInstant(millisecondsOf(finishedAt) + (cookieCache ?? 0)) : null;
  const document: RevocationReport = {
    command: request.command,
    runId,
    dryRun,
    target: store.target,
    matched,
    revoked: done?.revoked ?? 0,
    users: met.users,
    remaining: done === null ? survey.sessions : done.remaining,
    notFound: request.notFound,
    secondary:
      store.secondary === null
        ? null
        : {
            ...(done?.secondary ?? { deleted: 0, remaining: null, marked: 0, shutOut: 0 }),
            heedsMarks: store.heedsMarks,
            unreadable,
          },
    oauthTokens:
      met.oauthTokens === null
        ? null
        : {
            revoked: done?.oauthTokens ?? 0,
            offlineLeft:
              includesOffline(request.included) && (isGone || dryRun) ? 0 : met.oauthTokens.offline,
          },
    batches: done?.batches ?? 0,
    startedAt,
    finishedAt,
    durationMs: millisecondsOf(finishedAt) - millisecondsOf(startedAt),
    stoppedBecause: cancelled ? 'cancelled' : (done?.stoppedBecause ?? 'complete'),
    effectiveAt,
    survivors: done?.survivors ?? [],
    arrivedLater: done === null ? 0 : done.arrivedLater,
    noLongerMatch: done === null ? 0 : done.noLongerMatch,
    unreadableTimes: done === null ? plan.unreadableTimes : done.unreadableTimes,
    states: { active: met.active, expired: matched - met.active },
    uncertain: done?.uncertain ?? false,
    apiKeys: met.apiKeys,
    outlives: outlivesOf(survey.waysBack, done?.waysBack.ended ?? noWaysBack),
    unreadableAddresses: plan.unreadableAddresses,
    total: plan.all,
    reason: request.reason,
    mismatch: mismatch?.text ?? null,
    undeclared,
  };
  try {
    if (request.json) await context.print(jsonLine(document));
    else if (done !== null) {
      const { bound = 0, offline = 0 } = met.oauthTokens ?? {};
      const { styles, terminal } = context.stdout;
      await context.print(
        reportText(document, { cookieCache, oauthTokens: bound + offline }, styles, terminal),
      );
    } else if (dryRun) await context.note('Dry run: nothing was changed.');
    else if (survey.sessions === 0) {
      await context.note(nothingToEnd(request));
      for (const text of outlivingText(survey.waysBack, 1, request.included)) await context.note(text);
    }
  } catch (error) {
    if (!(error instanceof OutputClosedError)) throw error;
    if (done !== null)
      await context.warn(
        `the reader of the report closed stdout: ${endedBy(done)} had been ended, ${leftBy(done)}`,
      );
  }
}

function outlivesOf(found: WaysBackCounts, ended: WaysBackNumbers): Outlives {
  const each = waysBack.map((kind) => {
    const number = found[kind];
    // More sessions may have started after the plan.
    const most = number === 'unknown' ? null : Math.max(number ?? 0, ended[kind]);
    return [kind, number === null ? null : { found: most, ended: ended[kind] }];
  });
  return Object.fromEntries(each) as Outlives;
}

/** Names what is assumed already ended, since it may be a typing error. */
function nothingToEnd({ notFound, missed }: RevocationRequest): string {
  const taken = notFound.length - missed.length;
  const few =
    taken > 0 && taken <= FEW_TAKEN
      ? `: ${notFound.filter((name) => !missed.includes(name)).join(', ')}`
      : '';
  return `No session matches: there is nothing to end.${taken > 0 ? ` Assumed already ended, since no session has this id or token${few}.` : ''}`;
}
