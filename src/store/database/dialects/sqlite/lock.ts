import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, open, realpath, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { Knex } from 'knex';
import { ConnectionError } from '../../../../errors.ts';
import type { LockHolder, LockOwner } from '../../../../sessions/run-lock.ts';
import { digestOf, type AdvisoryLock, type LockSubject } from '../advisory-lock.ts';
import { fitWho, readSince, readWho } from '../lock-owner-text.ts';
import { errorCode, errorText } from '../../../refusals.ts';
import { keepSqlite, loadSqliteDriver } from './driver.ts';

/** Maximum characters of the holder's name. */
const WHO = 200;

/** Milliseconds to wait while another run reads or writes the lock file; each does so for an instant. */
const LOOK_TIMEOUT = 1000;
/** Milliseconds after which a new holder has certainly written its name. */
const WRITING = 50;

/**
 * A separate database beside the real file, in which the run holds a transaction. The operating system ends the
 * transaction with the process, and other runs can still read who holds the lock. The file is never deleted: otherwise
 * another run could lock a deleted file that no run finds.
 */
export async function sqliteLock(knex: Knex, subject: LockSubject): Promise<AdvisoryLock> {
  const [main] = await knex.raw<readonly { readonly file: string }[]>(
    `SELECT file FROM pragma_database_list WHERE name = 'main'`,
  );
  const path = await realpath(main?.file ?? '');
  const lockPath = `${path}-sessionctl-lock-${digestOf(subject).slice(0, 8)}`;
  const mark = randomUUID();
  let file: Database | null = null;

  return {
    async take(own) {
      try {
        file ??= await openLockFile(lockPath, await stat(path));
        if (tryLock(file, mark, own)) return null;
        await wait(WRITING);
        return { ...readHolder(file), process: null, ending: null, isFormerSelf: false };
      } catch (error) {
        if (file?.inTransaction === true) file.exec('ROLLBACK');
        throw explained(error, lockPath);
      }
    },
    isStanding: () => Promise.resolve(file?.inTransaction === true),
    release: () => {
      file?.close();
      file = null;
      return Promise.resolve();
    },
  };
}

/**
 * Other runs can read the holder's name only after a commit, and the commit ends the transaction. So the lock is taken
 * again afterwards. It is held if no other run has written in between.
 */
function tryLock(file: Database, mark: string, { who, since }: LockOwner): boolean {
  if (!begin(file)) return false;
  while (readRow(file)?.['mark'] !== mark) {
    file.exec('CREATE TABLE IF NOT EXISTS holder (mark TEXT, who TEXT, since TEXT); DELETE FROM holder');
    file.prepare('INSERT INTO holder VALUES (?, ?, ?)').run(mark, fitWho(who, WHO), since);
    file.exec('COMMIT');
    if (!begin(file)) return false;
  }
  return true;
}

/**
 * Takes the lock for writing without waiting: the driver would wait inside this process, which receives no signal then.
 */
function begin(file: Database): boolean {
  file.exec('PRAGMA busy_timeout = 0');
  try {
    file.exec('BEGIN IMMEDIATE');
    return true;
  } catch (error) {
    if (errorCode(error)?.startsWith('SQLITE_BUSY') === true) return false;
    throw error;
  } finally {
    file.exec(`PRAGMA busy_timeout = ${String(LOOK_TIMEOUT)}`);
  }
}

function readHolder(file: Database): LockHolder {
  const row = readRow(file);
  return { who: readWho(row?.['who']), since: readSince(row?.['since']) };
}

function readRow(file: Database): Readonly<Record<string, unknown>> | undefined {
  const hasTable = file.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'holder'`).get() !== undefined;
  return hasTable
    ? file.prepare<[], Readonly<Record<string, unknown>>>('SELECT mark, who, since FROM holder').get()
    : undefined;
}

/**
 * Opens the lock file, or creates it with the owner and mode of the database: an account that may write one may write
 * the other. A link or another planted file is refused. Only a new file is opened without the driver: closing a file
 * releases every lock that the whole process has on it.
 */
async function openLockFile(path: string, main: Stats): Promise<Database> {
  const Driver = loadSqliteDriver();
  const before = (await statOf(path)) ?? (await makeFile(path, main)) ?? (await statOf(path));
  if (before?.isFile() !== true || before.nlink !== 1) throw planted(path);
  const file = keepSqlite(new Driver(path, { fileMustExist: true, timeout: LOOK_TIMEOUT }));
  const after = await statOf(path);
  if (after?.ino === before.ino && after.dev === before.dev) return file;
  file.close();
  throw planted(path);
}

/** @returns null if another process created it meanwhile */
async function makeFile(path: string, main: Stats): Promise<Stats | null> {
  let file;
  try {
    file = await open(path, 'wx', main.mode & 0o777);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return null;
    throw error;
  }
  try {
    await file.chmod(main.mode & 0o777);
    // Only root may change the owner; otherwise the file belongs to the current user.
    await file.chown(main.uid, main.gid).catch(() => undefined);
    return await file.stat();
  } finally {
    await file.close();
  }
}

/** Does not follow a link. */
async function statOf(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function planted(path: string): ConnectionError {
  return new ConnectionError(
    `cannot use ${path}: it is not a plain file, as the lock file of sessionctl must be`,
    {
      hint: 'Find out who created it, and remove it.',
    },
  );
}

function explained(error: unknown, path: string): unknown {
  const code = errorCode(error) ?? '';
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
    return new ConnectionError(`cannot use ${path}: it is not a lock file of sessionctl`, {
      hint: 'Remove it while sessionctl is not running; the next run creates it again.',
      cause: error,
    });
  if (/^(?:EACCES|EPERM|EROFS|ENOSPC|SQLITE_(?:READONLY|CANTOPEN|IOERR|FULL|PERM))/.test(code))
    return new ConnectionError(`cannot lock ${path}: ${errorText(error)}`, {
      hint: 'The lock is a file beside the database. Give the account write permission on that file and its directory.',
      cause: error,
    });
  return error;
}
