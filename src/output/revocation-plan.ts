import { formatDuration } from '../sessions/duration.ts';
import type { Survey, Target } from '../sessions/session-store.ts';
import type { Session } from '../sessions/session.ts';
import { counted } from './counted.ts';
import { terminalText } from './fit-text.ts';
import { labelledLines } from './labelled-lines.ts';
import { sessionTable, type SessionTableOptions } from './session-table.ts';

/** What is shown before sessions are ended. */
export interface PlanView {
  readonly target: Target;
  /** The selection in words. */
  readonly selection: string;
  readonly survey: Survey;
  readonly sample: readonly Session[];
  /** The sample is the newest activity of all. */
  readonly isNewest: boolean;
  /** Milliseconds for which a browser's signed copy is believed; null where the configuration knows of none. */
  readonly cookieCache: number | null;
  /** Refresh tokens with `offline_access` are revoked too. */
  readonly offlineTokens: boolean;
  /** Rows are kept and their expiry is set. */
  readonly preserve: boolean;
  /** Those who sign in meanwhile are ended too. */
  readonly untilQuiet: boolean;
}

/** `production, postgresql db.example.com:5432/app`: where something happens. */
export function placeName({ profile, dialect, database }: Target): string {
  const place = `${dialect} ${database}`;
  return terminalText(profile === null ? place : `${profile}, ${place}`);
}

/** `12 sessions of 3 users`. */
export function sessionsOfUsers(sessions: number, users: number): string {
  return `${counted(sessions, 'session')} of ${counted(users, 'user')}`;
}

/** The plan as text: where, how many of whom, what is left alone, and a few of the sessions. */
export function planText(plan: PlanView, options: SessionTableOptions): string {
  const { survey, sample } = plan;
  const { styles, terminal } = options;
  const expired = survey.sessions - survey.active;
  const lines = [
    { label: 'database', value: placeName(plan.target), style: styles.bold },
    { label: 'selected', value: terminalText(plan.selection) },
    {
      label: 'to be ended',
      value: `${sessionsOfUsers(survey.sessions, survey.users)} (${survey.active.toLocaleString('en-US')} active, ${expired.toLocaleString('en-US')} expired)`,
      style: styles.bold,
    },
    ...outliving(plan).map((value, at) => ({ label: at === 0 ? 'mind' : '', value, style: styles.yellow })),
  ];
  const head = labelledLines(lines, terminal, styles);
  if (sample.length === 0) return head;
  return `${head}\n${sampleTitle(plan)}\n${sessionTable(sample, options).text}`;
}

function sampleTitle({ sample, survey, isNewest }: PlanView): string {
  if (sample.length >= survey.sessions) return sample.length === 1 ? 'It is:' : 'They are:';
  const some = String(sample.length);
  return isNewest ? `The ${some} with the latest activity:` : `${some} of them:`;
}

/** What ending the sessions leaves alive, or does beside it, a sentence each. */
function outliving({
  survey,
  cookieCache,
  offlineTokens,
  preserve,
  untilQuiet,
}: PlanView): readonly string[] {
  const { oauthTokens, apiKeys, impersonations } = survey;
  const sentences: (string | null)[] = [
    untilQuiet ? 'Goes on with whoever signs in meanwhile and matches, until nobody does.' : null,
    preserve
      ? 'The rows are kept as records (preserve_in_database): their expiry is set to the present.'
      : null,
    cookieCache === null
      ? 'No cookie cache is configured here. If the application has one, browsers stay signed in until it runs out.'
      : `The cookie cache lets browsers stay signed in for up to ${formatDuration(cookieCache)} afterwards.`,
    'No Redis is configured here. If the application keeps sessions in secondary storage, they live on there.',
    oauthTokens !== null && oauthTokens.bound > 0
      ? `${counted(oauthTokens.bound, 'OAuth token')} bound to them ${oauthTokens.bound === 1 ? 'is' : 'are'} revoked too.`
      : null,
    oauthTokens === null || oauthTokens.offline === 0
      ? null
      : offlineSentence(oauthTokens.offline, offlineTokens),
    apiKeys === null || apiKeys === 0
      ? null
      : `${counted(apiKeys, 'API key')} of these users ${apiKeys === 1 ? 'stays' : 'stay'} valid.`,
    impersonations === null || impersonations === 0
      ? null
      : `${counted(impersonations, 'active session')} of others, opened by them as administrators, ${impersonations === 1 ? 'lives' : 'live'} on: see --impersonated-by.`,
  ];
  return sentences.filter((sentence) => sentence !== null);
}

function offlineSentence(tokens: number, included: boolean): string {
  const what = counted(tokens, 'offline OAuth refresh token');
  return included
    ? `${what} ${tokens === 1 ? 'is' : 'are'} revoked too, as asked.`
    : `${what} ${tokens === 1 ? 'lives' : 'live'} on: --include-offline-tokens revokes ${tokens === 1 ? 'it' : 'them'}.`;
}
