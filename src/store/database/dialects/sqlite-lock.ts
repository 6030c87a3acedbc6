import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, open, realpath, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { Knex } from 'knex';
import { ConnectionError } from '../../../errors.ts';
import type { LockHolder, LockOwner } from '../../../sessions/run-lock.ts';
import { digestOf, type AdvisoryLock, type LockSubject } from './advisory-lock.ts';
import { fitWho, readSince, readWho } from './lock-owner-text.ts';
import { errorCode, errorText } from '../../refusals.ts';
import { keepSqlite, loadSqliteDriver } from './sqlite-driver.ts';

/** Characters of who holds it. */
const WHO = 200;

/** Milliseconds to wait for a look or a change of somebody else, which takes one at the most. */
const LOOK_TIMEOUT = 1000;
/** Milliseconds after which whoever has just taken the lock has certainly written down who that is. */
const WRITING = 50;

/**
 * A database of its own beside the real file, in which the run holds a transaction: the operating system ends that with
 * the process, and others can still read in it who holds it. The file stays: whoever removed it might have another run
 * lock a file that nobody finds any more.
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
 * What is written can be read by others only once it is committed, and that ends the transaction. So the lock is taken
 * again after it, and is held once it is taken without that anybody else has written in between.
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

/** Takes the lock for writing. Without waiting: the driver would wait in this very process, which hears no signal then. */
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
 * Opens the lock file, or makes it as the database itself is: who may write one may write the other. What somebody put
 * in its place, to have something else written to, is refused. Only one that is new is opened other than by the driver:
 * closing a file takes every lock on it from the whole process.
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

/** @returns null where somebody else has made it meanwhile */
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
    // Only root may give a file away; for anybody else it stays their own.
    await file.chown(main.uid, main.gid).catch(() => undefined);
    return await file.stat();
  } finally {
    await file.close();
  }
}

/** Of what stands there itself, not of what it leads to. */
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
    `cannot use ${path}: it is not the plain file that sessionctl keeps its lock in`,
    {
      hint: 'Find out who put it there, and remove it.',
    },
  );
}

function explained(error: unknown, path: string): unknown {
  const code = errorCode(error) ?? '';
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
    return new ConnectionError(`cannot use ${path}: it is no lock file of sessionctl`, {
      hint: 'Remove it while no sessionctl runs; the next run makes it anew.',
      cause: error,
    });
  if (/^(?:EACCES|EPERM|EROFS|ENOSPC|SQLITE_(?:READONLY|CANTOPEN|IOERR|FULL|PERM))/.test(code))
    return new ConnectionError(`cannot lock ${path}: ${errorText(error)}`, {
      hint: 'The lock is a file beside the database: give the account the right to write in its directory, and to that file.',
      cause: error,
    });
  return error;
}
