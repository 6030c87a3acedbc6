import { grouped } from '../grouped.ts';
import type { Instant } from '../sessions/instant.ts';
import { halfEnded } from '../sessions/revocation.ts';
import type { Target } from '../sessions/reading-store.ts';
import { kindsOf, sumOf, type WayBack, type WaysBackNumbers, waysBack } from '../sessions/ways-back.ts';
import { counted, inNumber } from './counted.ts';
import { unreadableText } from './unreadable.ts';
import { screenLines } from './fit-text.ts';
import { listedWays } from './ways-back-text.ts';
import { placeName, sessionsOfUsers, type Undeclared } from './revocation-plan.ts';
import type { Styles, Terminal } from './styles.ts';

/** The report of the command-line contract: its fields in its order, then further ones. */
export interface RevocationReport {
  readonly command: string;
  readonly runId: string;
  readonly dryRun: boolean;
  readonly target: Target;
  readonly matched: number;
  readonly revoked: number;
  /** Null where it is not known. */
  readonly users: number | null;
  /** From checking again; null where that was not possible. */
  readonly remaining: number | null;
  readonly notFound: readonly string[];
  /**
   * What was deleted from Redis, what is left there, and keys that look like sessions and cannot be read; null where
   * there is no Redis, and `remaining` null where it was not checked.
   */
  readonly secondary: {
    readonly deleted: number;
    readonly remaining: number | null;
    readonly unreadable: number;
    /** Users whose sessions were all ended, and who are marked so in Redis. */
    readonly marked: number;
    /** Whether the release of Better Auth heeds that mark; null where it is not known. */
    readonly heedsMarks: boolean | null;
    /** Sessions that late requests wrote back, and that Better Auth refuses because of that mark. */
    readonly shutOut: number;
  } | null;
  readonly oauthTokens: { readonly revoked: number; readonly offlineLeft: number } | null;
  readonly batches: number;
  readonly startedAt: Instant;
  readonly finishedAt: Instant;
  readonly durationMs: number;
  readonly stoppedBecause: 'complete' | 'limit' | 'signal' | 'cancelled' | 'failed';
  /**
   * From then on no cached copy is accepted; null while a session remains, or may remain elsewhere, or nothing was
   * done.
   */
  readonly effectiveAt: Instant | null;
  /** Ids of sessions that should be gone and are not, up to a thousand. */
  readonly survivors: readonly string[];
  /** Sessions that match and started after the plan; null where the check failed. */
  readonly arrivedLater: number | null;
  /**
   * Sessions of the plan that no longer matched when they were reached, and stay valid; null where the check failed.
   */
  readonly noLongerMatch: number | null;
  /**
   * Sessions that may match and were left alone: a time that the selection compares is missing or cannot be read. Null
   * where the check failed.
   */
  readonly unreadableTimes: number | null;
  /** Of those that matched, by the database's clock. */
  readonly states: { readonly active: number; readonly expired: number };
  /** An answer of a server did not arrive: more may have ended than `revoked` counts. */
  readonly uncertain: boolean;
  /** API keys of the users, which stay valid; null where the deployment has none, or it is not known. */
  readonly apiKeys: number | null;
  /**
   * What lets the users in again: how many were found, null where their table cannot be read, and how many of them were
   * ended; null where the deployment has no such table.
   */
  readonly outlives: Outlives;
  /** Left alone although the selection may mean them: their address cannot be read. */
  readonly unreadableAddresses: number;
  /**
   * How many sessions there were in the selected states; null where a small part was selected, and they were not
   * counted.
   */
  readonly total: number | null;
  readonly reason: string | null;
  /** Where the configuration and the stores disagree, which the operator allowed; null where they agree. */
  readonly mismatch: string | null;
  /** What the profile does not say, so that it is not known whether anyone is signed out. */
  readonly undeclared: readonly Undeclared[];
}

export type Outlives = Readonly<
  Record<WayBack, { readonly found: number | null; readonly ended: number } | null>
>;

/** A sentence of the report, and its highlighted part. */
interface Sentence {
  readonly text: string;
  readonly style?: (text: string) => string;
  readonly bold?: string;
}

/** What was known before, and decides what the report has to say. */
interface Expected {
  /** Milliseconds for which browsers may use a cached copy; null where the configuration has no cookie cache. */
  readonly cookieCache: number | null;
  /** OAuth tokens of any kind that were bound to the sessions. */
  readonly oauthTokens: number;
}

/**
 * The report in sentences, wrapped at spaces for a terminal.
 * @param terminal where it is shown; without one no line is wrapped
 */
export function reportText(
  report: RevocationReport,
  expected: Expected,
  styles: Styles,
  terminal: Terminal | null = null,
): string {
  const {
    revoked,
    matched,
    remaining,
    users,
    uncertain,
    arrivedLater,
    noLongerMatch,
    oauthTokens,
    effectiveAt,
  } = report;
  const half = halfEnded(report);
  const { unreadable = 0 } = report.secondary ?? {};
  const count = uncertain ? `at least ${counted(revoked, 'session')}` : counted(revoked, 'session');
  const ended =
    matched === 0 && revoked === 0 && !uncertain
      ? 'Ended no session: none matches'
      : revoked >= matched && !uncertain
        ? `Ended ${revoked > matched || users === null ? count : sessionsOfUsers(revoked, users)}`
        : `Ended ${uncertain && revoked === 0 ? 'an unknown number' : count} of ${grouped(matched)} that ${inNumber(matched, 'was', 'were')} selected`;
  const others = matched - revoked;
  const endedToo = listedWays(numbersOf(report.outlives, ({ ended: number }) => number));
  const staying = numbersOf(report.outlives, ({ found, ended: number }) => (found ?? 0) - number);
  const stay = listedWays(staying);
  const sentences: (Sentence | false | null)[] = [
    firstLine(report, ended),
    leftOver(report, styles),
    half > 0 &&
      remaining !== 0 && {
        text: `${grouped(half)} more ${inNumber(half, 'is', 'are')} gone from Redis, not from the database: run the same command again.`,
        style: styles.red,
      },
    remaining === 0 &&
      others > 0 &&
      !uncertain && {
        text: `${counted(others, 'other')} had ended, or no longer matched, before ${inNumber(others, 'it was', 'they were')} reached.`,
      },
    noLongerMatch !== null &&
      noLongerMatch > 0 && {
        text: `${counted(noLongerMatch, 'session')} of the plan no longer ${inNumber(noLongerMatch, 'matches and stays', 'match and stay')} valid.`,
        style: styles.yellow,
      },
    uncertain && { text: 'An answer of the server did not arrive, so the number may be too low.' },
    arrivedLater !== null &&
      arrivedLater > 0 && {
        text: `${counted(arrivedLater, 'session')} that ${inNumber(arrivedLater, 'matches', 'match')} signed in later and ${inNumber(arrivedLater, 'is', 'are')} still there: run it again, or with --until-quiet.`,
        style: styles.yellow,
      },
    remaining !== null &&
      (arrivedLater === null || noLongerMatch === null) && {
        text: 'It is not known whether more sessions match now: checking again failed.',
        style: styles.red,
      },
    markedUsers(report),
    oauthTokens !== null &&
      Math.max(expected.oauthTokens, oauthTokens.revoked, oauthTokens.offlineLeft) > 0 && {
        text: `${counted(oauthTokens.revoked, 'OAuth token')} revoked, ${counted(oauthTokens.offlineLeft, 'offline refresh token')} left.`,
      },
    endedToo !== null && { text: `Ended too: ${endedToo}.` },
    stay !== null && {
      text: `Still valid: ${stay}. To end ${inNumber(sumOf(staying), 'it', 'them')}, add --include ${kindsOf(staying).join(',')}.`,
      style: styles.yellow,
    },
    effectiveAt !== null && inForce(effectiveAt, expected, report.undeclared),
    unreadable > 0 && { text: `${unreadableText(unreadable)}.`, style: styles.yellow },
    report.mismatch !== null && {
      text: `You allowed this: ${report.mismatch}.`,
      style: styles.yellow,
    },
    report.notFound.length > 0 && { text: `Not found: ${report.notFound.join(', ')}.` },
  ];
  const said = sentences.filter((sentence) => sentence !== false && sentence !== null);
  return `${said.flatMap((sentence) => linesOf(sentence, terminal, styles)).join('\n')}\n`;
}

function numbersOf(
  outlives: Outlives,
  read: (each: NonNullable<Outlives[WayBack]>) => number,
): WaysBackNumbers {
  const numbers = waysBack.map((kind) => [kind, outlives[kind] === null ? 0 : read(outlives[kind])]);
  return Object.fromEntries(numbers) as WaysBackNumbers;
}

function linesOf(
  { text, style = (plain) => plain, bold }: Sentence,
  terminal: Terminal | null,
  styles: Styles,
): readonly string[] {
  return screenLines(text, terminal).map((line) =>
    style(bold === undefined ? line : line.replace(bold, (found) => styles.bold(found))),
  );
}

/** Whether a late request can bring a session back, which depends on the release of Better Auth. */
function markedUsers({ secondary, revoked }: RevocationReport): Sentence | null {
  if (secondary === null) return null;
  const { marked, heedsMarks, shutOut } = secondary;
  if (heedsMarks === false)
    return revoked === 0
      ? null
      : {
          text: 'This release of Better Auth lets a late request write a session back: that is why sessionctl checked again.',
        };
  if (marked === 0) return null;
  const users = `${counted(marked, 'user')} ${inNumber(marked, 'is', 'are')} marked in Redis as signed out`;
  if (heedsMarks === null)
    return {
      text: `${users}: with Better Auth 1.7.16 and later no late request brings a session back. For older releases the second check decides.`,
    };
  const refused =
    shutOut === 0
      ? ''
      : ` ${counted(shutOut, 'session')} ${inNumber(shutOut, 'was', 'were')} written back, and Better Auth refuses ${inNumber(shutOut, 'it', 'them')}.`;
  return { text: `${users}: no late request brings a session back.${refused}` };
}

function firstLine({ target, undeclared, revoked, remaining }: RevocationReport, ended: string): Sentence {
  const text = `${ended} in ${placeName(target)}.`;
  if (undeclared.length === 0 || revoked === 0 || remaining !== 0) return { text, bold: ended };
  const what = target.redis === null ? 'rows' : 'stored sessions';
  return {
    text: `${text.slice(0, -1)}: the ${what} are gone. Whether anyone is signed out is not known, since the configuration does not say whether the application uses ${namesOf(undeclared)}.`,
    bold: ended,
  };
}

const UNDECLARED_NAMES = { cookie_cache: 'a cookie cache', secondary_storage: 'Redis' } as const;

function namesOf(undeclared: readonly Undeclared[]): string {
  return undeclared.map((name) => UNDECLARED_NAMES[name]).join(' or ');
}

function inForce(
  effectiveAt: Instant,
  { cookieCache }: Expected,
  undeclared: readonly Undeclared[],
): Sentence {
  const text =
    cookieCache === null
      ? `Effective since ${effectiveAt}.`
      : `Effective by ${effectiveAt} at the latest; until then browsers may use a cached copy.`;
  const unknown =
    undeclared.length === 0
      ? ''
      : ` No ${undeclared.map((name) => (name === 'cookie_cache' ? 'cookie cache' : 'Redis')).join(' or ')} is configured; if the application uses ${undeclared.length === 1 ? 'one' : 'them'}, sessions may stay valid there.`;
  return { text: `${text}${unknown}`, bold: effectiveAt };
}

function leftOver(
  { matched, revoked, remaining, finishedAt, stoppedBecause }: RevocationReport,
  styles: Styles,
): Sentence {
  if (remaining === null)
    return { text: 'It is not known how many are left: checking again failed.', style: styles.red };
  const again = `Checked again at ${finishedAt}:`;
  if (remaining === 0)
    return {
      text: `${again} ${revoked < matched ? '0 that still match are left' : inNumber(matched, 'it is gone', '0 left')}.`,
      style: styles.green,
    };
  const count = counted(remaining, 'session');
  return {
    text:
      stoppedBecause === 'complete'
        ? `${again} ${count} that should be gone ${inNumber(remaining, 'is', 'are')} still there.`
        : `Left to be ended: ${count}.`,
    style: styles.red,
  };
}
