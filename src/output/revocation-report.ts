import type { Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/session-store.ts';
import { counted } from './counted.ts';
import { terminalText } from './fit-text.ts';
import { jsonText } from './json-text.ts';
import { placeName, sessionsOfUsers } from './revocation-plan.ts';
import type { Styles } from './styles.ts';

/** The report of the command-line contract: its fields, in its order, then what it leaves open. */
export interface RevocationReport {
  readonly command: string;
  readonly runId: string;
  readonly dryRun: boolean;
  readonly target: Target;
  readonly matched: number;
  readonly revoked: number;
  readonly users: number;
  /** By looking again; null where that was not possible. */
  readonly remaining: number | null;
  readonly notFound: readonly string[];
  readonly secondary: null;
  readonly oauthTokens: { readonly revoked: number; readonly offlineLeft: number } | null;
  readonly batches: number;
  readonly startedAt: Instant;
  readonly finishedAt: Instant;
  readonly durationMs: number;
  readonly stoppedBecause: 'complete' | 'limit' | 'signal' | 'cancelled' | 'failed';
  /** From then on no cookie-cache copy is believed; null as long as something remains or nothing was done. */
  readonly effectiveAt: Instant | null;
  /** Ids of what should be gone and is not, up to a thousand. */
  readonly survivors: readonly string[];
  /** Match as well, and signed in after the plan. */
  readonly arrivedLater: number;
  /** Of those that matched, by the database's clock. */
  readonly states: { readonly active: number; readonly expired: number };
  /** A connection broke while an answer was on its way: more may have ended than `revoked` counts. */
  readonly uncertain: boolean;
  /** API keys of the users, which stay valid; null where the deployment has none. */
  readonly apiKeys: number | null;
  readonly reason: string | null;
}

/** The report as one JSON object on one line. */
export function reportJson(report: RevocationReport): string {
  return `${jsonText(report)}\n`;
}

/**
 * The report in sentences.
 * @param cookieCache milliseconds for which a browser's signed copy is believed; null where the configuration knows of none
 */
export function reportText(report: RevocationReport, cookieCache: number | null, styles: Styles): string {
  const { revoked, matched, remaining, users, uncertain, arrivedLater, oauthTokens, effectiveAt } = report;
  const count = uncertain ? `at least ${counted(revoked, 'session')}` : counted(revoked, 'session');
  const ended =
    revoked >= matched && !uncertain
      ? `Ended ${revoked > matched ? count : sessionsOfUsers(revoked, users)}`
      : `Ended ${count} of ${matched.toLocaleString('en-US')} that were meant`;
  const sentences: (string | null)[] = [
    `${styles.bold(ended)} in ${placeName(report.target)}.`,
    leftOver(report, styles),
    remaining === 0 && revoked < matched && !uncertain
      ? `${counted(matched - revoked, 'other')} had ended, or no longer matched, before they were reached.`
      : null,
    uncertain ? 'A connection broke while the answer was on its way, so the number may be too low.' : null,
    arrivedLater > 0
      ? styles.yellow(
          `${counted(arrivedLater, 'session')} that match signed in later and are still there: run it again, or with --until-quiet.`,
        )
      : null,
    oauthTokens === null
      ? null
      : `${counted(oauthTokens.revoked, 'OAuth token')} revoked, ${counted(oauthTokens.offlineLeft, 'offline refresh token')} left.`,
    effectiveAt === null ? null : inForce(effectiveAt, cookieCache, styles),
    report.notFound.length > 0 ? `Not found: ${terminalText(report.notFound.join(', '))}.` : null,
  ];
  return `${sentences.filter((sentence) => sentence !== null).join('\n')}\n`;
}

function inForce(effectiveAt: Instant, cookieCache: number | null, styles: Styles): string {
  return cookieCache === null
    ? `In force since ${styles.bold(effectiveAt)}, but for a cookie cache, of which nothing is configured here.`
    : `In force from ${styles.bold(effectiveAt)} at the latest: until then cookie caches may be believed.`;
}

function leftOver({ remaining, finishedAt, stoppedBecause }: RevocationReport, styles: Styles): string {
  if (remaining === null) return styles.red('What is left is not known: looking again failed.');
  if (remaining === 0) return styles.green(`Looked again at ${finishedAt}: none of them is left.`);
  const count = counted(remaining, 'session');
  return styles.red(
    stoppedBecause === 'complete'
      ? `Looked again at ${finishedAt}: ${count} that should be gone still there.`
      : `Left to be ended: ${count}.`,
  );
}
