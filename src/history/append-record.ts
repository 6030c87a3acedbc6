import { constants, fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname } from 'node:path';
import { makeDirectory } from '../make-directory.ts';
import { reasonOf } from '../config/config-file.ts';
import { FailedError } from '../errors.ts';
import { openRegularFile } from '../regular-file.ts';
import { splitLines, type HistoryLine } from './history-chain.ts';
import { LockLostError, withLock } from './history-lock.ts';
import {
  emptyChain,
  fragmentHash,
  parseRecord,
  recordLine,
  sealRecord,
  type HistoryCircumstances,
  type HistoryEntry,
  type HistoryHead,
  type HistoryRecord,
} from './history-record.ts';

/**
 * Appends one record; when this returns, it is on the disk.
 * @param circumstances called when it is the record's turn
 * @throws FailedError where it cannot be written, or where the last line of the history is not a record
 */
export async function appendRecord(
  path: string,
  entry: HistoryEntry,
  circumstances: () => HistoryCircumstances,
): Promise<HistoryRecord> {
  try {
    await makeDirectory(dirname(path));
    return await withLock(path, () => appendAlone(path, entry, circumstances));
  } catch (error) {
    if (error instanceof FailedError) throw error;
    throw new FailedError(`the history ${path} cannot be written: ${whyNotWritten(error)}`, {
      hint: 'Free space or set XDG_STATE_HOME to a writable directory.',
      cause: error,
    });
  }
}

async function appendAlone(
  path: string,
  entry: HistoryEntry,
  circumstances: () => HistoryCircumstances,
): Promise<HistoryRecord> {
  const file = await openRegularFile(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
  try {
    const { size } = await file.stat();
    const end = await readEnd(file, size);
    if (end === null) {
      throw new FailedError(`the history ${path} cannot be continued: its last line is not a record`, {
        hint: 'Run `sessionctl history --verify` to see what is wrong. To begin a new history, move this file away.',
      });
    }
    if (size === 0) await syncDirectory(dirname(path));
    // An interrupted line stays and is given its line feed.
    const fragment = end.fragment === null ? null : fragmentHash([end.fragment, LINE_FEED]);
    const record = sealRecord(entry, end.last, circumstances(), fragment);
    writeAtEnd(file.fd, size, Buffer.from(`${end.ended ? '' : '\n'}${recordLine(record)}\n`));
    await file.sync();
    return record;
  } finally {
    await file.close();
  }
}

const LINE_FEED = Buffer.from('\n');

/** The end of the file, as far back as its last record. */
interface End {
  readonly last: HistoryHead;
  /** The line after it, if its writer was interrupted. No run relied on it, so it must not stop an operator. */
  readonly fragment: Uint8Array | null;
  /** The last line has its line feed. */
  readonly ended: boolean;
}

const FIRST_LOOK = 64 * 1024;

/** @returns null where the last line with a line feed is not a record: a new record would hide the damage */
async function readEnd(file: FileHandle, size: number): Promise<End | null> {
  for (let length = Math.min(FIRST_LOOK, size); ; length = Math.min(length * 8, size)) {
    // The first of these lines may be the end of a longer one, and then it is not a record.
    const end = endOf(splitLines(await readBytes(file, size - length, length)), length === size);
    if (end !== null || length === size) return end;
  }
}

function endOf(lines: readonly HistoryLine[], areAll: boolean): End | null {
  const tail = lines.at(-1);
  const ended = tail?.ended ?? true;
  const record = intactRecord(tail);
  if (record !== null) return { last: record, fragment: null, ended };
  const fragment = ended || tail === undefined ? null : tail.bytes;
  const before = fragment === null ? lines : lines.slice(0, -1);
  const last = before.length === 0 && areAll ? emptyChain : intactRecord(before.at(-1));
  return last === null ? null : { last, fragment, ended };
}

function intactRecord(line: HistoryLine | undefined): HistoryRecord | null {
  const parsed = typeof line?.text === 'string' ? parseRecord(line.text) : null;
  return parsed?.intact === true ? parsed.record : null;
}

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
