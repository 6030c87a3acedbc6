import { isUtf8 } from 'node:buffer';
import { emptyChain, fragmentHash, parseRecord, type HistoryRecord } from './history-record.ts';

/**
 * changed: not as it was written; missing: records before this line are gone; misplaced: a record that does not follow
 * the one before it; unreadable: not a record; no-end: an earlier version did not know where the history ended.
 */
type HistoryProblemKind = 'changed' | 'missing' | 'misplaced' | 'unreadable' | 'no-end';

export interface HistoryProblem {
  /** From 1; a problem with the end is on the line after the last one. */
  readonly line: number;
  readonly kind: HistoryProblemKind;
  readonly message: string;
}

/**
 * cut-short: the remains of an append that a power cut or a kill interrupted; other-file: records that the database has
 * from the same operator and host.
 */
interface HistoryRemark {
  /** From 1. */
  readonly line: number;
  readonly kind: 'cut-short' | 'other-file';
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
 * Reads the lines of a history and follows its chain from the first record to the last. This finds every record that was
 * changed, removed from the middle, inserted, doubled or moved. It cannot find that records at the end are missing, or
 * that all hashes were computed again: only a copy elsewhere shows that, such as the database's own history.
 *
 * An interrupted append leaves a last line without a line feed. No run relied on it, so it is not a problem. The next
 * record contains the hash of those bytes, so from then on they cannot be changed or removed either.
 */
export function followChain(lines: readonly HistoryLine[]): HistoryContent {
  const records: HistoryRecord[] = [];
  const problems: HistoryProblem[] = [];
  const remarks: HistoryRemark[] = [];
  let last: { readonly sequence: number; readonly hash: string | null } = emptyChain;
  /** Lines since the last unchanged record. */
  let between: NumberedLine[] = [];

  for (const [at, line] of lines.entries()) {
    const number = at + 1;
    const report = (kind: HistoryProblemKind, message: string) =>
      problems.push({ line: number, kind, message });
    const parsed = line.text === null ? null : parseRecord(line.text);
    if (parsed?.intact !== true) between.push({ ...line, number, isRecord: parsed !== null });
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
    if (record.found?.headMissing === true)
      report('no-end', `history.head was missing when record ${String(record.sequence)} was written`);
    if (!line.ended) remarks.push(cutShort(number));

    const judged = judgeBetween(between, record, number);
    problems.push(...judged.problems);
    remarks.push(...judged.remarks);
    between = [];
  }

  const tail = between.at(-1);
  if (tail?.ended === false && !tail.isRecord) {
    between.pop();
    remarks.push(cutShort(tail.number));
  }
  problems.push(...between.flatMap(unreadable));
  return { records, problems: problems.sort((a, b) => a.line - b.line), remarks };
}

interface NumberedLine extends HistoryLine {
  readonly number: number;
  /** A changed record, which has been reported. */
  readonly isRecord: boolean;
}

/** Judges the lines between two records: those that the second one found when it was written, or others. */
function judgeBetween(
  between: readonly NumberedLine[],
  { sequence, found }: HistoryRecord,
  line: number,
): Omit<HistoryContent, 'records'> {
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

function range(from: number, to: number): string {
  return from === to ? `record ${String(from)} is` : `records ${String(from)} to ${String(to)} are`;
}
