import { toInstant, type Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/reading-store.ts';
import type { HistoryOutcome, HistoryRecord } from './history-record.ts';

/** The records of one run, combined. */
export interface HistoryRun {
  readonly runId: string;
  readonly command: string;
  /** By the operator's clock. */
  readonly startedAt: Instant;
  /** Null while it runs, and if it was killed. */
  readonly finishedAt: Instant | null;
  readonly operator: HistoryRecord['operator'];
  /** The version of sessionctl. */
  readonly version: string;
  readonly target: Target;
  readonly selection: string;
  readonly reason: string | null;
  readonly matched: number | null;
  readonly users: number | null;
  readonly revoked: number | null;
  readonly remaining: number | null;
  readonly outcome: HistoryOutcome | 'refused' | 'cancelled' | 'unfinished';
  readonly detail: string | null;
  /** Revoked OAuth tokens; null where that was not recorded. */
  readonly oauthTokens: number | null;
}

/** The runs of these records, newest first. */
export function runsOf(records: readonly HistoryRecord[]): readonly HistoryRun[] {
  const runs = new Map<string, [HistoryRecord, ...HistoryRecord[]]>();
  for (const record of records) {
    const run = runs.get(record.runId);
    if (run === undefined) runs.set(record.runId, [record]);
    else run.push(record);
  }
  return [...runs.values()].map(runOf).reverse();
}

function runOf(records: readonly [HistoryRecord, ...HistoryRecord[]]): HistoryRun {
  const [first] = records;
  const last = records.at(-1) ?? first;
  /** The last known value: the end of a run knows more than its beginning. */
  const latest = <Value>(read: (record: HistoryRecord) => Value | null): Value | null =>
    records.reduce<Value | null>((value, record) => read(record) ?? value, null);
  return {
    runId: first.runId,
    command: first.command,
    startedAt: instantOf(first),
    finishedAt: last.event === 'started' ? null : instantOf(last),
    operator: { user: first.operator.user, host: first.operator.host },
    version: first.version,
    target: {
      profile: first.target.profile,
      dialect: first.target.dialect,
      database: first.target.database,
      redis: first.target.redis,
    },
    selection: first.selection,
    reason: latest(({ reason }) => reason),
    matched: latest(({ matched }) => matched),
    users: latest(({ users }) => users),
    revoked: latest(({ revoked }) => revoked),
    remaining: latest(({ remaining }) => remaining),
    outcome: outcomeOf(last),
    detail: latest(({ detail }) => detail),
    oauthTokens: latest(({ oauthTokens }) => oauthTokens ?? null),
  };
}

function instantOf({ at }: HistoryRecord): Instant {
  return toInstant(Date.parse(at));
}

function outcomeOf({ event, outcome }: HistoryRecord): HistoryRun['outcome'] {
  if (event === 'refused' || event === 'cancelled') return event;
  return outcome ?? 'unfinished';
}
