import { constants, fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname } from 'node:path';
import { makeDirectory } from '../make-directory.ts';
import { reasonOf } from '../config/config-file.ts';
import { FailedError } from '../errors.ts';
import { openRegularFile } from '../regular-file.ts';
import { splitLines, type HistoryLine } from './history-chain.ts';
import { readHead, writeHead, type StoredHead } from './history-head.ts';
import { LockLostError, withLock } from './history-lock.ts';
import {
  emptyChain,
  fragmentHash,
  parseRecord,
  recordLine,
  sealRecord,
  type HistoryCircumstances,
  type HistoryEntry,
  type HistoryFinding,
  type HistoryHead,
  type HistoryRecord,
} from './history-record.ts';

/** The files of a history. */
export interface HistoryPlace {
  readonly path: string;
  readonly headPath: string;
}

/**
 * Appends one record; when this returns, it is on the disk.
 * @param circumstances called when it is the record's turn
 * @throws FailedError where it cannot be written, or where the history has lost its end
 */
export async function appendRecord(
  place: HistoryPlace,
  entry: HistoryEntry,
  circumstances: () => HistoryCircumstances,
): Promise<HistoryRecord> {
  try {
    await makeDirectory(dirname(place.path));
    return await withLock(place.path, () => appendAlone(place, entry, circumstances));
  } catch (error) {
    if (error instanceof FailedError) throw error;
    throw new FailedError(`the history ${place.path} cannot be written: ${whyNotWritten(error)}`, {
      hint: 'Free space or set XDG_STATE_HOME to a writable directory.',
      cause: error,
    });
  }
}

async function appendAlone(
  { path, headPath }: HistoryPlace,
  entry: HistoryEntry,
  circumstances: () => HistoryCircumstances,
): Promise<HistoryRecord> {
  // Read before the file: a record added in between is then ahead of the head, and does not look missing.
  const head = await readHead(headPath);
  const file = await openRegularFile(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
  try {
    const { size } = await file.stat();
    const end = await readEnd(file, size);
    const last = headToContinue(end, head, path);
    if (head === 'absent') {
      // With the lock held, records without a head mean that another process removed the head.
      if (size > 0 && (await readHead(headPath)) !== 'absent') throw new LockLostError();
      // Before the first record, so that a head that is missing beside a record is never an accident.
      if (size === 0) await writeHead(headPath, emptyChain);
    }
    if (size === 0) await syncDirectory(dirname(path));
    const record = sealRecord(entry, last, circumstances(), findingOf(end, head === 'absent' && size > 0));
    // A truncated record keeps its own line, so that it does not damage this one.
    writeAtEnd(file.fd, size, Buffer.from(`${end.ended ? '' : '\n'}${recordLine(record)}\n`));
    await file.sync();
    await writeHead(headPath, record);
    return record;
  } finally {
    await file.close();
  }
}

/** The end of the file, as far back as its last record. */
interface End {
  /** The last line that is an unchanged record; null where there is none in the whole file. */
  readonly record: HistoryRecord | null;
  /** Lines after it that are not records. */
  readonly unreadable: readonly HistoryLine[];
  /** The last line has its line feed. */
  readonly ended: boolean;
}

const FIRST_LOOK = 64 * 1024;

async function readEnd(file: FileHandle, size: number): Promise<End> {
  for (let length = Math.min(FIRST_LOOK, size); ; length = Math.min(length * 8, size)) {
    const bytes = await readBytes(file, size - length, length);
    // The first of them may be the end of a longer line, and then it is not a record.
    const lines = splitLines(bytes);
    const ended = lines.at(-1)?.ended ?? true;
    for (const [unreadable, { text }] of lines.toReversed().entries()) {
      const parsed = text === null ? null : parseRecord(text);
      if (parsed?.intact === true)
        return { record: parsed.record, unreadable: lines.slice(lines.length - unreadable), ended };
    }
    if (length === size) return { record: null, unreadable: lines, ended };
  }
}

/** What the next record says about the file that it is appended to. */
function findingOf({ unreadable, ended }: End, headMissing: boolean): HistoryFinding | null {
  const lines = unreadable.map(({ bytes }) => bytes);
  // A truncated line is given its line feed.
  const fragment = fragmentHash(ended || lines.length === 0 ? lines : [...lines, LINE_FEED]);
  if (fragment === null && !headMissing) return null;
  return { ...(fragment === null ? {} : { fragment }), ...(headMissing ? { headMissing } : {}) };
}

const LINE_FEED = Buffer.from('\n');

async function readBytes(file: FileHandle, from: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, from + read);
    if (bytesRead === 0) throw new LockLostError();
    read += bytesRead;
  }
  return bytes;
}

/**
 * The head that the next record follows. A truncated append never reached the head, so unreadable lines after the
 * record that the head names were never relied on. They are skipped, since a fragment must not stop an operator during
 * an incident, and the next record contains their hash. A history that ends before its head has lost records that were
 * certainly written. To continue it would hide that. Beginning a new one is the operator's decision.
 * @throws FailedError
 */
function headToContinue({ record, unreadable, ended }: End, head: StoredHead, path: string): HistoryHead {
  const last = record ?? emptyChain;
  if (head === 'unreadable') throw cannotContinue(path, 'history.head beside it cannot be read');
  // Without a head, only a last line without an end is certain never to have been relied on. The next record states
  // permanently that the head was missing.
  if (head === 'absent') {
    if (unreadable.length > (ended ? 0 : 1)) throw cannotContinue(path, 'its last lines are not records');
    return last;
  }
  if (head.sequence > last.sequence)
    throw cannotContinue(path, `record ${String(head.sequence)}, which was written, is changed or missing`);
  if (head.sequence === last.sequence && head.hash !== last.hash)
    throw cannotContinue(path, `record ${String(head.sequence)} is not the one that was written`);
  return last;
}

function cannotContinue(path: string, why: string): FailedError {
  return new FailedError(`the history ${path} cannot be continued: ${why}`, {
    hint: 'Run `sessionctl history --verify` to see what is wrong. To begin a new history, move this file and history.head away.',
  });
}

/**
 * Writes where the file ended when its last record was read. Locks can be lost: the machine was asleep, or two runs
 * found the same lock stale. So this checks the end again, with no step in between in which another process could
 * write.
 * @throws LockLostError where the file has grown
 */
function writeAtEnd(file: number, size: number, bytes: Uint8Array): void {
  if (fstatSync(file).size !== size) throw new LockLostError();
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(file, bytes, written);
  } catch (error) {
    // A full disk took only a part of it. If nothing else was written since, the part is removed.
    if (written > 0 && fstatSync(file).size === size + written) takeBack(file, size);
    throw error;
  }
}

/** An append-only file keeps the fragment, which does no harm. */
function takeBack(file: number, size: number): void {
  try {
    ftruncateSync(file, size);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error;
  }
}

/** A new file survives a crash only if its directory is on the disk as well. Windows has no such call. */
async function syncDirectory(path: string): Promise<void> {
  if (platform() === 'win32') return;
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'there is no space left',
  EDQUOT: 'the quota is used up',
  EFBIG: 'it is as large as a file may be',
  EROFS: 'the file system is read-only',
  EEXIST: 'a file is in the place of its directory',
  ENOTDIR: 'a file is in the place of its directory',
};

function whyNotWritten(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? reasonOf(error);
}
