import { dialectNames } from '../sessions/dialect-name.ts';
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { toInstant } from '../sessions/instant.ts';
import type { Target } from '../sessions/reading-store.ts';

const events = ['started', 'finished', 'refused', 'cancelled'] as const;
const outcomes = ['complete', 'partial', 'failed', 'survivors'] as const;

type HistoryEvent = (typeof events)[number];

/**
 * How a run ended. complete: all sessions ended; partial: stopped by a signal or a limit; failed: stopped by an error;
 * survivors: a session that should have ended is still valid.
 */
export type HistoryOutcome = (typeof outcomes)[number];

/** A command's report of its run; the history adds the rest of a record. */
export interface HistoryEntry {
  readonly runId: string;
  readonly event: HistoryEvent;
  /** For example `revoke-all`. */
  readonly command: string;
  readonly target: Target;
  /** The options as they were typed. */
  readonly selection: string;
  readonly reason: string | null;
  /** Planned sessions. */
  readonly matched: number | null;
  readonly users: number | null;
  /** Null until finished. */
  readonly revoked: number | null;
  readonly remaining: number | null;
  /** Only for the event `finished`. */
  readonly outcome: HistoryOutcome | null;
  /** The reason for a refusal or a failure. */
  readonly detail: string | null;
  /** Revoked OAuth tokens; absent until finished, and where there are none to revoke. */
  readonly oauthTokens?: number | undefined;
}

/**
 * Problems of the file when a record was appended. They are hashed with the record, so they cannot be removed later.
 */
interface HistoryFinding {
  /**
   * SHA-256 in hex of the bytes between the record before and this one: the remains of an interrupted append. The hash
   * proves that they stay unchanged.
   */
  readonly fragment?: string | undefined;
  /** Only in records of earlier versions, which kept the end of the chain in `history.head`: that file was missing. */
  readonly headMissing?: true | undefined;
}

export interface HistoryRecord extends HistoryEntry {
  /** 1, 2, 3 … within the file. */
  readonly sequence: number;
  /** ISO 8601 in UTC with milliseconds, by the operator's clock. */
  readonly at: string;
  readonly operator: { readonly user: string; readonly host: string };
  /** The version of sessionctl. */
  readonly version: string;
  /** Absent where there was no problem. */
  readonly found?: HistoryFinding | undefined;
  /** The hash of the record before, 64 zeros for the first. */
  readonly previous: string;
  /** SHA-256 in hex of the JSON of all other fields, including `previous`, in their order. */
  readonly hash: string;
}

/** The end of a chain of records: the last record's number and hash. */
export interface HistoryHead {
  readonly sequence: number;
  readonly hash: string;
}

/** The fields that the history adds to an entry. */
export type HistoryCircumstances = Pick<HistoryRecord, 'at' | 'operator' | 'version'>;

/** The end of an empty chain. */
export const emptyChain: HistoryHead = { sequence: 0, hash: '0'.repeat(64) };

/** A line of the file as a record. */
interface ParsedRecord {
  readonly record: HistoryRecord;
  /** The line is byte for byte as it was written, according to its own hash. */
  readonly intact: boolean;
}

/** Makes the record that follows `head` in the chain. */
export function sealRecord(
  entry: HistoryEntry,
  head: HistoryHead,
  { at, operator, version }: HistoryCircumstances,
  fragment: string | null = null,
): HistoryRecord {
  const { runId, event, command, target, selection, reason, detail } = entry;
  const { matched, users, revoked, remaining, outcome, oauthTokens } = entry;
  // Named one by one: the order is hashed, and other fields of the entry are not written.
  const sealed = {
    sequence: head.sequence + 1,
    at,
    runId,
    event,
    command,
    operator: { user: operator.user, host: operator.host },
    version,
    target: {
      profile: target.profile,
      dialect: target.dialect,
      database: target.database,
      redis: target.redis,
    },
    selection,
    reason,
    matched,
    users,
    revoked,
    remaining,
    outcome,
    detail,
    ...(oauthTokens === undefined ? {} : { oauthTokens }),
    ...(fragment === null ? {} : { found: { fragment } }),
    previous: head.hash,
  };
  return { ...sealed, hash: hashOf(sealed) };
}

/** The line of a record in the file, without its line feed. */
export function recordLine(record: HistoryRecord): string {
  return JSON.stringify(record);
}

/** The hash of the bytes between the record before and this one, `null` where there are none. */
export function fragmentHash(lines: readonly Uint8Array[]): string | null {
  if (lines.length === 0) return null;
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line);
  return hash.digest('hex');
}

/** @returns null where the line is not a record at all */
export function parseRecord(line: string): ParsedRecord | null {
  const record = readRecord(line);
  if (record === null) return null;
  const { hash, ...sealed } = record;
  // Comparing the text finds lines with the same meaning but another form: spaces, escapes, a repeated key.
  return { record, intact: isIntact(record) && line === JSON.stringify({ ...sealed, hash }) };
}

/** The record is as it was written, according to its own hash. */
export function isIntact({ hash, ...sealed }: HistoryRecord): boolean {
  return hash === hashOf(sealed);
}

function hashOf(sealed: Omit<HistoryRecord, 'hash'>): string {
  return createHash('sha256').update(JSON.stringify(sealed)).digest('hex');
}

function readRecord(text: string): HistoryRecord | null {
  try {
    const value: unknown = JSON.parse(text);
    // Checked in place: valibot's output has its keys in another order, and the order is hashed.
    return v.is(recordShape, value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isInstant(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && toInstant(time) === text;
}

const textOrNull = v.nullable(v.string());
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const countOrNull = v.nullable(count);
const place = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

// Allows further fields: a later sessionctl may write more, and this one can still verify the record.
const recordShape = v.looseObject({
  sequence: place,
  at: v.pipe(v.string(), v.check(isInstant)),
  runId: v.string(),
  event: v.picklist(events),
  command: v.string(),
  operator: v.looseObject({ user: v.string(), host: v.string() }),
  version: v.string(),
  target: v.looseObject({
    profile: textOrNull,
    dialect: v.picklist(dialectNames),
    database: v.string(),
    redis: textOrNull,
  }),
  selection: v.string(),
  reason: textOrNull,
  matched: countOrNull,
  users: countOrNull,
  revoked: countOrNull,
  remaining: countOrNull,
  outcome: v.nullable(v.picklist(outcomes)),
  detail: textOrNull,
  // Records of earlier versions have none.
  oauthTokens: v.optional(count),
  found: v.optional(
    v.looseObject({ fragment: v.optional(sha256), headMissing: v.optional(v.literal(true)) }),
  ),
  previous: sha256,
  hash: sha256,
});
