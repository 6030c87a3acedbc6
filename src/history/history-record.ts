import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { toInstant } from '../sessions/instant.ts';
import type { Target } from '../sessions/session-store.ts';

const events = ['started', 'finished', 'refused', 'cancelled'] as const;
const outcomes = ['complete', 'partial', 'failed', 'survivors'] as const;

export type HistoryEvent = (typeof events)[number];

/**
 * How a run ended. complete: all is gone; partial: stopped by a signal or a limit; failed: an error ended it;
 * survivors: something that should be gone still answers.
 */
export type HistoryOutcome = (typeof outcomes)[number];

/** What a command says of its run; the rest of a record is added by the history. */
export interface HistoryEntry {
  readonly runId: string;
  readonly event: HistoryEvent;
  /** Such as `revoke-all`. */
  readonly command: string;
  readonly target: Target;
  /** In words, as the options were typed. */
  readonly selection: string;
  readonly reason: string | null;
  /** Sessions that were planned. */
  readonly matched: number | null;
  readonly users: number | null;
  /** Null until finished. */
  readonly revoked: number | null;
  readonly remaining: number | null;
  /** Of the event `finished` only. */
  readonly outcome: HistoryOutcome | null;
  /** Why it was refused, what failed. */
  readonly detail: string | null;
  /** OAuth tokens that were revoked; absent until finished, and where there are none to revoke. */
  readonly oauthTokens?: number | undefined;
  /** Where a sweep stopped on its way, for the next one to go on from there; absent where there is nothing to go on with. */
  readonly position?: HistoryPosition | undefined;
}

/** A place in a table. */
export interface HistoryPosition {
  readonly table: string;
  /** In the words of the store that it was written by; null for the beginning of the table. */
  readonly at: string | null;
}

/** What was wrong with the file when a record was appended. It is hashed with the record, and so cannot be taken back. */
export interface HistoryFinding {
  /**
   * SHA-256 in hex of the bytes between the record before and this one: what an append left that was cut short. So they
   * are kept as they were found.
   */
  readonly fragment?: string | undefined;
  /** There were records, and no `history.head` to say how many there had been. */
  readonly headMissing?: true | undefined;
}

export interface HistoryRecord extends HistoryEntry {
  /** 1, 2, 3 … within the file. */
  readonly sequence: number;
  /** ISO 8601 in UTC with milliseconds, by the operator's clock. */
  readonly at: string;
  readonly operator: { readonly user: string; readonly host: string };
  /** Of sessionctl. */
  readonly version: string;
  /** Absent where nothing was wrong. */
  readonly found?: HistoryFinding | undefined;
  /** The hash of the record before, 64 zeros for the first. */
  readonly previous: string;
  /** SHA-256 in hex over the JSON of everything else, `previous` included, in the order in which it stands there. */
  readonly hash: string;
}

/** Where a chain of records ends: the last record's number and hash. */
export interface HistoryHead {
  readonly sequence: number;
  readonly hash: string;
}

/** What the history adds to an entry. */
export type HistoryCircumstances = Pick<HistoryRecord, 'at' | 'operator' | 'version'>;

/** The end of a chain that has no record yet. */
export const emptyChain: HistoryHead = { sequence: 0, hash: '0'.repeat(64) };

/** A line of the file as a record. */
export interface ParsedRecord {
  readonly record: HistoryRecord;
  /** The line is byte for byte as it was written, as far as its own hash can tell. */
  readonly intact: boolean;
}

/** Makes the record that follows `head` in the chain. */
export function sealRecord(
  entry: HistoryEntry,
  head: HistoryHead,
  { at, operator, version }: HistoryCircumstances,
  found: HistoryFinding | null = null,
): HistoryRecord {
  const { runId, event, command, target, selection, reason, detail } = entry;
  const { matched, users, revoked, remaining, outcome, oauthTokens, position } = entry;
  // Named one by one: the order is hashed, and whatever else the entry carries is not written.
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
    ...(position === undefined ? {} : { position: { table: position.table, at: position.at } }),
    ...(found === null ? {} : { found }),
    previous: head.hash,
  };
  return { ...sealed, hash: hashOf(sealed) };
}

/** The one line that stands for a record in the file, without its line feed. */
export function recordLine(record: HistoryRecord): string {
  return JSON.stringify(record);
}

/** What a record says of the bytes that it found behind the one before, `null` where there are none. */
export function fragmentHash(lines: readonly Uint8Array[]): string | null {
  if (lines.length === 0) return null;
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line);
  return hash.digest('hex');
}

/** @returns null where the line is not a record at all */
export function parseRecord(line: string): ParsedRecord | null {
  const record = parsedAs(recordShape, line);
  if (record === null) return null;
  const { hash, ...sealed } = record;
  // The comparison of text finds what means the same and was written otherwise: spaces, escapes, a key twice.
  return { record, intact: hash === hashOf(sealed) && line === JSON.stringify({ ...sealed, hash }) };
}

/** @returns null where the text does not say where a chain ends */
export function parseHead(text: string): HistoryHead | null {
  return parsedAs(headShape, text);
}

function hashOf(sealed: Omit<HistoryRecord, 'hash'>): string {
  return createHash('sha256').update(JSON.stringify(sealed)).digest('hex');
}

function parsedAs<const Shape extends v.GenericSchema>(
  shape: Shape,
  text: string,
): v.InferOutput<Shape> | null {
  try {
    const value: unknown = JSON.parse(text);
    // Checked in place: what valibot puts out has its keys in another order, and the order is hashed.
    return v.is(shape, value) ? value : null;
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

const headShape = v.strictObject({
  // 0 before the first record.
  sequence: count,
  hash: sha256,
});

// Loose: a later sessionctl may write more, and this one can still verify it.
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
    dialect: v.picklist(['postgresql', 'mysql', 'sqlite']),
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
  position: v.optional(v.looseObject({ table: v.string(), at: textOrNull })),
  found: v.optional(
    v.looseObject({ fragment: v.optional(sha256), headMissing: v.optional(v.literal(true)) }),
  ),
  previous: sha256,
  hash: sha256,
});
