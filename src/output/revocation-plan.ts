import { grouped } from '../grouped.ts';
import { formatDuration } from '../sessions/duration.ts';
import { millisecondsOf, toInstant, type Instant } from '../sessions/instant.ts';
import type { Survey } from '../sessions/ending-store.ts';
import type { Target } from '../sessions/reading-store.ts';
import type { Session } from '../sessions/session.ts';
import { includesOffline, onlyIncluded, type Included } from '../sessions/ways-back.ts';
import { counted, inNumber } from './counted.ts';
import { unreadableText } from './unreadable.ts';
import { terminalText } from './fit-text.ts';
import { listedWays, outlivingText } from './ways-back-text.ts';
import { labelledLines, type LabelledLine } from './labelled-lines.ts';
import { sessionTable, type SessionTableOptions } from './session-table.ts';

/**
 * The places where a session may stay valid, and of which the profile does not say whether the application has them.
 */
export type Undeclared = 'cookie_cache' | 'secondary_storage';

/** What is shown before sessions are ended. */
export interface PlanView {
  readonly target: Target;
  /** The selection in words. */
  readonly selection: string;
  readonly survey: Survey;
  /** About sessions that are left alone because their address cannot be read. */
  readonly unclear?: string | null;
  /** Sessions that may match and are left alone: a time that the selection compares is missing or cannot be read. */
  readonly unreadableTimes?: number;
  /** How many sessions there are in the selected states; null where they were not counted. */
  readonly all?: number | null;
  readonly sample: readonly Session[];
  /** The sample has the newest activity of all. */
  readonly isNewest: boolean;
  /** Milliseconds for which browsers may use a cached copy; null where the configuration has no cookie cache. */
  readonly cookieCache: number | null;
  /** As `SessionStore.handsOutJwts`. */
  readonly handsOutJwts?: boolean;
  /** Milliseconds; null where the configuration does not say. */
  readonly jwtExpiresIn?: number | null;
  /** The store's clock when the plan is shown. */
  readonly clock: Instant;
  /** What is ended besides the sessions. */
  readonly included: ReadonlySet<Included>;
  /** Rows are kept and their expiry is set. */
  readonly preserve: boolean;
  /** Sessions that start meanwhile are ended too. */
  readonly untilQuiet: boolean;
  /** Where the configuration and the stores disagree about where sessions are. */
  readonly mismatch?: string | null;
  /** What the profile does not say about the application. */
  readonly undeclared?: readonly Undeclared[];
  /** Keys in Redis that look like sessions and cannot be read. */
  readonly unreadable?: number;
  /** What cannot be known of this database, such as the zone of its times. */
  readonly cautions?: readonly string[];
}

/** `production, postgresql db.example.com:5432/app`: the place of the work. */
export function placeName({ profile, dialect, database, redis }: Target): string {
  const place = `${dialect} ${database}${redis === null ? '' : ` and Redis ${redis}`}`;
  return terminalText(profile === null ? place : `${profile}, ${place}`);
}

/** `12 sessions of 3 users`. */
export function sessionsOfUsers(sessions: number, users: number): string {
  return `${counted(sessions, 'session')} of ${counted(users, 'user')}`;
}

/**
 * The plan as text: where, how many of whom, what is left alone, and a sample of the sessions. Text that is specific to
 * this plan comes before text that every plan has, which people skip.
 */
export function planText(plan: PlanView, options: SessionTableOptions): string {
  const { survey, sample } = plan;
  const { styles, terminal } = options;
  const expired = survey.sessions - survey.active;
  const lines = [
    { label: 'database', value: placeName(plan.target), style: styles.bold },
    { label: 'selected', value: plan.selection },
    {
      label: 'to be ended',
      value: `${sessionsOfUsers(survey.sessions, survey.users)} (${grouped(survey.active)} active, ${grouped(expired)} expired)`,
      style: styles.bold,
    },
    ...shareOf(plan, (text) => styles.bold(styles.yellow(text))),
    ...under('warning', alarming(plan), (text) => styles.bold(styles.yellow(text))),
    ...under('note', peculiar(plan)),
    ...under('note', constant(plan), styles.dim),
  ];
  const head = labelledLines(lines, terminal, styles);
  if (sample.length === 0) return head;
  return `${head}\n${sampleTitle(plan)}\n${sessionTable(sample, { ...options, keepsState: true }).text}`;
}

function under(
  label: string,
  sentences: readonly (string | false)[],
  style: (text: string) => string = (text) => text,
): readonly LabelledLine[] {
  return sentences
    .filter((sentence) => sentence !== false)
    .map((value, at) => ({ label: at === 0 ? label : '', value, style }));
}

/** `99.9 % of all 1,803 sessions`, highlighted where it is most of them. */
function shareOf(
  { survey: { sessions }, all = null }: PlanView,
  highlight: (text: string) => string,
): readonly LabelledLine[] {
  if (all === null || all === 0) return [];
  // Rounded down, so that all but one is not shown as 100 %.
  const percent = Math.floor((sessions / all) * 1000) / 10;
  const share = percent === 0 && sessions > 0 ? 'less than 0.1' : String(percent);
  const line = { label: 'share', value: `${share} % of all ${counted(all, 'session')}` };
  return [sessions * 2 > all && sessions > 1 ? { ...line, style: highlight } : line];
}

function sampleTitle({ sample, survey, isNewest }: PlanView): string {
  if (sample.length >= survey.sessions) return sample.length === 1 ? 'It is:' : 'They are:';
  const some = String(sample.length);
  if (isNewest) return `The ${inNumber(sample.length, 'one', some)} with the latest activity:`;
  return `${inNumber(sample.length, 'One', some)} of them:`;
}

/** What stays valid after the sessions, is not known, or is done in an unusual way. */
function alarming({
  survey: { sessions, users, oauthTokens, impersonations, waysBack },
  included,
  preserve,
  untilQuiet,
  unclear = null,
  mismatch = null,
  unreadable = 0,
  cautions = [],
  unreadableTimes = 0,
}: PlanView): readonly (string | false)[] {
  const offline = oauthTokens?.offline ?? 0;
  return [
    mismatch !== null && `${mismatch}.`,
    unreadable > 0 && `${unreadableText(unreadable)}.`,
    ...cautions,
    unclear !== null && `${unclear}.`,
    unreadableTimes > 0 &&
      `${counted(unreadableTimes, 'more session')} may match and ${inNumber(unreadableTimes, 'is', 'are')} left alone: a time that the selection compares is missing or cannot be read.`,
    impersonations !== null &&
      impersonations > 0 &&
      `${counted(impersonations, 'active session')} in which ${inNumber(users, 'this user impersonates', 'these users impersonate')} ${inNumber(impersonations, 'another user stays', 'others stay')} valid: see --impersonated-by.`,
    offline > 0 &&
      !includesOffline(included) &&
      `${counted(offline, OFFLINE_TOKEN)} ${inNumber(offline, 'stays', 'stay')} valid: --include offline-tokens revokes ${inNumber(offline, 'it', 'them')}.`,
    ...outlivingText(waysBack, Math.max(users, 1), included),
    preserve &&
      `The ${inNumber(sessions, 'row is kept as a record (preserve_in_database): its', 'rows are kept as records (preserve_in_database): their')} expiry is set to the current time. Expired sessions are records already and not counted here.`,
    untilQuiet && 'Also ends matching sessions that start meanwhile, until there are no new ones.',
  ];
}

const OFFLINE_TOKEN = 'offline OAuth refresh token';

/** Further notes on these sessions and this deployment. */
function peculiar({
  survey: { sessions, oauthTokens, waysBack },
  included,
  cookieCache,
  handsOutJwts = false,
  jwtExpiresIn = null,
  clock,
}: PlanView): readonly (string | false)[] {
  const bound = oauthTokens?.bound ?? 0;
  const offline = oauthTokens?.offline ?? 0;
  const ended = listedWays(onlyIncluded(waysBack, included));
  return [
    cookieCache !== null &&
      `The cookie cache lets browsers stay signed in for up to ${formatDuration(cookieCache)} afterwards: until about ${timeOfDay(clock, cookieCache)} if ended now.`,
    handsOutJwts &&
      `The JWT plugin (table jwks) hands out tokens that other services accept until they expire, after ${jwtExpiresIn === null ? '15 minutes unless the application sets expirationTime (jwt_expires_in is not set)' : formatDuration(jwtExpiresIn)}. Nothing here ends them.`,
    handsOutJwts &&
      oauthTokens !== null &&
      'Access tokens of the OAuth provider may be such tokens as well: these expire after an hour by default.',
    bound > 0 &&
      `${counted(bound, 'OAuth token')} bound to ${inNumber(sessions, 'this session', 'these sessions')} ${inNumber(bound, 'is', 'are')} revoked too.`,
    offline > 0 &&
      includesOffline(included) &&
      `${counted(offline, OFFLINE_TOKEN)} ${inNumber(offline, 'is', 'are')} revoked too, as asked.`,
    ended !== null && `Ended too, as asked: ${ended}.`,
  ];
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/**
 * `00:36 UTC`, this many milliseconds after a moment and rounded up; with the day where the time alone is ambiguous.
 */
function timeOfDay(from: Instant, milliseconds: number): string {
  const moment = toInstant(Math.ceil((millisecondsOf(from) + milliseconds) / MINUTE) * MINUTE);
  const time = moment.slice('2026-11-23T'.length, '2026-11-23T00:36'.length);
  return `${milliseconds < DAY ? '' : `${moment.slice(0, '2026-11-23'.length)} `}${time} UTC`;
}

/** Notes for every plan whose configuration does not say more. */
function constant({ undeclared = [] }: PlanView): readonly (string | false)[] {
  return [
    undeclared.includes('cookie_cache') &&
      'No cookie cache is configured here. If the application has one, browsers stay signed in until it expires.',
    undeclared.includes('secondary_storage') &&
      'No Redis is configured here. If the application keeps sessions in secondary storage, they stay valid there.',
  ];
}
