import { isUtf8 } from 'node:buffer';
import type { StoredHead } from './history-head.ts';
import { emptyChain, fragmentHash, parseRecord, type HistoryRecord } from './history-record.ts';

/**
 * changed: not as it was written; missing: records before this line are gone; misplaced: a record that does not follow
 * the one before it; unreadable: not a record; cut-short: the last line has no end; end-missing: the last records are
 * gone; no-end: it is not known, or was not known, where the history ends.
 */
export type HistoryProblemKind =
  'changed' | 'missing' | 'misplaced' | 'unreadable' | 'cut-short' | 'end-missing' | 'no-end';

export interface HistoryProblem {
  /** From 1; a problem with the end is on the line after the last one. */
  readonly line: number;
  readonly kind: HistoryProblemKind;
  readonly message: string;
}

/** The remains of an append that a power cut or a kill interrupted. No recorded data is lost by it. */
export interface HistoryRemark {
  /** From 1. */
  readonly line: number;
  readonly kind: 'cut-short';
  readonly message: string;
}

/** A line of the file. */
export interface HistoryLine {
  /** Null where the bytes are not text. */
  readonly text: string | null;
  /** False for the last line if its line feed is missing: its writer was stopped. */
  readonly ended: boolean;
  /** With the line feed. */
  readonly bytes: Uint8Array;
}

/** The records of a history and its problems. */
export interface HistoryContent {
  /** In the order of the file, including changed ones, as far as they can be read. */
  readonly records: readonly HistoryRecord[];
  readonly problems: readonly HistoryProblem[];
  /** Unusual, but not problems. */
  readonly remarks: readonly HistoryRemark[];
}

const LINE_FEED = 0x0a;

/** The bytes of a history, or of a part of it, as lines without their line feeds. */
export function splitLines(bytes: Uint8Array): readonly HistoryLine[] {
  const lines: HistoryLine[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(LINE_FEED, from);
    const ended = end !== -1;
    const next = ended ? end + 1 : bytes.length;
    const line = bytes.subarray(from, ended ? end : next);
    lines.push({
      // Bytes that are not UTF-8 would all read as the same character.
      text: isUtf8(line) ? Buffer.from(line).toString('utf8') : null,
      ended,
      bytes: bytes.subarray(from, next),
    });
    from = next;
  }
  return lines;
}

/**
 * Reads the lines of a history and follows its chain from the first record to the last.
 * What is guaranteed: unless `history.head` was rewritten as well, every record that was relied on is there, byte for
 * byte. A record is relied on once its append has returned. The head then names it, or is one record behind if the
 * writer was killed in between. This finds every record that was changed, removed, inserted, doubled or moved; a
 * history that ends before its head; and a head that was missing, permanently, since the next record states it and is
 * itself part of the chain.
 * The remains of an interrupted append come after the last record that was relied on. That alone is not a problem. The
 * next record contains the hash of those bytes, so from then on they cannot be changed or removed either. Bytes that
 * are not a record, and whose hash no record contains, may have been one: they are a problem. So are the remains of a
 * record that the head names.
 * What is not found: changes by an attacker who computed all hashes and the head again, and damage to the last record
 * before its writer wrote the head.
 * @param head where the chain ended at the last write, as stored beside the history
 */
export function followChain(lines: readonly HistoryLine[], head: StoredHead): HistoryContent {
  const records: HistoryRecord[] = [];
  const problems: HistoryProblem[] = [];
  const remarks: HistoryRemark[] = [];
  let last: { readonly sequence: number; readonly hash: string | null } = emptyChain;
  /** Lines since the last unchanged record. */
  let between: NumberedLine[] = [];

  for (const [at, line] of lines.entries()) {
    const { text, ended } = line;
    const report = (kind: HistoryProblemKind, message: string) =>
      problems.push({ line: at + 1, kind, message });
    const parsed = text === null ? null : parseRecord(text);
    if (parsed?.intact !== true) between.push({ ...line, number: at + 1, isRecord: parsed !== null });
    if (parsed === null) continue;

    const { record, intact } = parsed;
    records.push(record);
    if (!intact) {
      report('changed', `record ${String(record.sequence)} is not as it was written`);
      // Its content cannot be relied on; its position can.
      last = { sequence: last.sequence + 1, hash: null };
      continue;
    }
    const next = last.sequence + 1;
    if (record.sequence > next) report('missing', `${range(next, record.sequence - 1)} missing before this`);
    else if (record.sequence < next || (last.hash !== null && record.previous !== last.hash))
      report('misplaced', `record ${String(record.sequence)} does not follow the record before it`);
    if (record.sequence >= next) last = record;
    if (typeof head === 'object' && head.sequence === record.sequence && head.hash !== record.hash)
      report('changed', `record ${String(record.sequence)} is not the one that was written`);
    if (record.found?.headMissing === true)
      report('no-end', `history.head was missing when record ${String(record.sequence)} was written`);
    if (!ended) (isBehind(head, record.sequence) ? remarks : problems).push(cutShort(at + 1));

    const judged = judgeBetween(between, record, at + 1);
    problems.push(...judged.problems);
    remarks.push(...judged.remarks);
    between = [];
  }

  const rest = judgeRest(between, isBehind(head, last.sequence + 1));
  problems.push(...rest.problems);
  remarks.push(...rest.remarks);
  const end = problemOfEnd(last.sequence, head, lines.length > 0);
  if (end !== null) problems.push({ line: lines.length + 1, ...end });
  return { records, problems: problems.sort((a, b) => a.line - b.line), remarks };
}

interface NumberedLine extends HistoryLine {
  readonly number: number;
  /** A changed record, which has been reported. */
  readonly isRecord: boolean;
}

type Judgement = Omit<HistoryContent, 'records'>;

/** Judges the lines between two records: those that the second one found when it was written, or others. */
function judgeBetween(
  between: readonly NumberedLine[],
  { sequence, found }: HistoryRecord,
  line: number,
): Judgement {
  const [first] = between;
  const vouched = found?.fragment ?? null;
  if (vouched === null) return { problems: between.flatMap(unreadable), remarks: [] };
  if (first === undefined) {
    const message = `what was found before record ${String(sequence)} is missing`;
    return { problems: [{ line, kind: 'missing', message }], remarks: [] };
  }
  if (fragmentHash(between.map(({ bytes }) => bytes)) !== vouched) {
    const message = `what was found before record ${String(sequence)} is not as it was`;
    return { problems: [{ line: first.number, kind: 'changed', message }], remarks: [] };
  }
  return { problems: [], remarks: [cutShort(first.number, sequence)] };
}

/** Judges the lines after the last record. `isLeftOver` where they were never relied on. */
function judgeRest(rest: readonly NumberedLine[], isLeftOver: boolean): Judgement {
  const [first, last] = [rest.at(0), rest.at(-1)];
  if (first === undefined || last === undefined) return { problems: [], remarks: [] };
  if (isLeftOver && !last.ended) return { problems: [], remarks: [cutShort(first.number)] };
  return {
    problems: rest.flatMap((line) => (line.ended ? unreadable(line) : [cutShort(line.number)])),
    remarks: [],
  };
}

function unreadable({ number, isRecord }: NumberedLine): readonly HistoryProblem[] {
  const message = 'not a record, or one whose writing was interrupted';
  return isRecord ? [] : [{ line: number, kind: 'unreadable', message }];
}

/** @param next the record that was written after it and contains its hash */
function cutShort(line: number, next: number | null = null): HistoryRemark {
  const message =
    next === null
      ? 'the last line has no end: its writing was interrupted'
      : `the writing of a record was interrupted; record ${String(next)} was written after it`;
  return { line, kind: 'cut-short', message };
}

/** Whether the head does not name a record yet: then its append has never been reported as done. */
function isBehind(head: StoredHead, sequence: number): boolean {
  return typeof head === 'object' && head.sequence < sequence;
}

function problemOfEnd(
  last: number,
  head: StoredHead,
  hasLines: boolean,
): Omit<HistoryProblem, 'line'> | null {
  if (head === 'unreadable')
    return { kind: 'no-end', message: 'the file that says where the history ends cannot be read' };
  // The head is written before the first record.
  if (head === 'absent')
    return hasLines
      ? { kind: 'no-end', message: 'the file that says where the history ends is missing' }
      : null;
  return head.sequence > last
    ? { kind: 'end-missing', message: `${range(last + 1, head.sequence)} missing at the end` }
    : null;
}

function range(from: number, to: number): string {
  return from === to ? `record ${String(from)} is` : `records ${String(from)} to ${String(to)} are`;
}
