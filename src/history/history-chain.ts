import { isUtf8 } from 'node:buffer';
import type { StoredHead } from './history-head.ts';
import { emptyChain, parseRecord, type HistoryRecord } from './history-record.ts';

/**
 * changed: not as it was written; missing: records before this line are gone; misplaced: a record that does not follow
 * the one before it; unreadable: not a record; cut-short: the last line has no end; end-missing: the last records are
 * gone; no-end: nothing says where the history ends.
 */
export type HistoryProblemKind =
  'changed' | 'missing' | 'misplaced' | 'unreadable' | 'cut-short' | 'end-missing' | 'no-end';

export interface HistoryProblem {
  /** From 1; what is wrong with the end is on the line behind the last one. */
  readonly line: number;
  readonly kind: HistoryProblemKind;
  readonly message: string;
}

/** A line of the file. */
export interface HistoryLine {
  /** Null where the bytes are no text. */
  readonly text: string | null;
  /** False for the last one where its line feed is missing: whoever wrote it was stopped. */
  readonly ended: boolean;
}

/** The records of a history and what is wrong with it. */
export interface HistoryContent {
  /** In the order of the file; a changed one is among them, as far as it can be read. */
  readonly records: readonly HistoryRecord[];
  readonly problems: readonly HistoryProblem[];
}

const LINE_FEED = 0x0a;

/** The bytes of a history, or of a part of it, as lines without their line feeds. */
export function splitLines(bytes: Uint8Array): readonly HistoryLine[] {
  const lines: HistoryLine[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(LINE_FEED, from);
    const line = bytes.subarray(from, end === -1 ? bytes.length : end);
    // Bytes that are no UTF-8 would all read as the same character, whatever they are.
    lines.push({ text: isUtf8(line) ? Buffer.from(line).toString('utf8') : null, ended: end !== -1 });
    from = end === -1 ? bytes.length : end + 1;
  }
  return lines;
}

/**
 * Reads the lines of a history and follows its chain from the first record to the last.
 * @param head where the chain ended when something was last written, as it stands beside the history
 */
export function followChain(lines: readonly HistoryLine[], head: StoredHead): HistoryContent {
  const records: HistoryRecord[] = [];
  const problems: HistoryProblem[] = [];
  let last: { readonly sequence: number; readonly hash: string | null } = emptyChain;

  for (const [at, { text, ended }] of lines.entries()) {
    const report = (kind: HistoryProblemKind, message: string) =>
      problems.push({ line: at + 1, kind, message });
    const parsed = text === null ? null : parseRecord(text);
    if (!ended) report('cut-short', 'the last line has no end: its writing was interrupted');
    else if (parsed === null) report('unreadable', 'not a record, or one whose writing was interrupted');
    if (parsed === null) continue;

    const { record, intact } = parsed;
    records.push(record);
    if (!intact) {
      report('changed', `record ${String(record.sequence)} is not as it was written`);
      // Nothing that it says can be relied on; that it stands here can.
      last = { sequence: last.sequence + 1, hash: null };
      continue;
    }
    const next = last.sequence + 1;
    if (record.sequence > next) report('missing', `${range(next, record.sequence - 1)} missing before this`);
    else if (record.sequence < next || (last.hash !== null && record.previous !== last.hash))
      report('misplaced', `record ${String(record.sequence)} does not follow the record before it`);
    if (record.sequence >= next) last = record;
    if (typeof head === 'object' && head.sequence === record.sequence && head.hash !== record.hash)
      report('changed', `record ${String(record.sequence)} is another than the one that was written`);
  }

  const end = problemOfEnd(last.sequence, head);
  if (end !== null) problems.push({ line: lines.length + 1, ...end });
  return { records, problems };
}

function problemOfEnd(last: number, head: StoredHead): Omit<HistoryProblem, 'line'> | null {
  if (head === 'unreadable')
    return { kind: 'no-end', message: 'the file that says where the history ends cannot be understood' };
  // Whoever is stopped between the first record and the file that says so leaves one record; no more than that.
  if (head === 'absent')
    return last > 1
      ? { kind: 'no-end', message: 'the file that says where the history ends is missing' }
      : null;
  return head.sequence > last
    ? { kind: 'end-missing', message: `${range(last + 1, head.sequence)} missing at the end` }
    : null;
}

function range(from: number, to: number): string {
  return from === to ? `record ${String(from)} is` : `records ${String(from)} to ${String(to)} are`;
}
