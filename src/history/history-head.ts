import { readRegularFile } from '../regular-file.ts';
import { replaceFile } from '../replace-file.ts';
import { parseHead, type HistoryHead } from './history-record.ts';

/** The end of the history, as stored in the file beside it. Without it, a missing end could not be detected. */
export type StoredHead = HistoryHead | 'absent' | 'unreadable';

export async function readHead(path: string): Promise<StoredHead> {
  try {
    return parseHead((await readRegularFile(path)).toString('utf8')) ?? 'unreadable';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'absent';
    throw error;
  }
}

export async function writeHead(path: string, { sequence, hash }: HistoryHead): Promise<void> {
  await replaceFile(path, `${JSON.stringify({ sequence, hash })}\n`, 0o600);
}
