import {
  errorCode,
  lookUpRefusal,
  STILL_REFERRED,
  type Refusal,
  type RefusalRow,
} from '../../../refusals.ts';

const CHECK_PERMISSIONS =
  'Check the permissions of the file and of its directory. In WAL mode SQLite writes to the directory even to read the file.';

/** Keyed by SQLite's extended result code. */
const ROWS: readonly RefusalRow[] = [
  [
    /^SQLITE_NOTADB/,
    '{database} is not an SQLite database',
    'Check the path, and whether the file is encrypted.',
  ],
  [
    /^SQLITE_CORRUPT/,
    '{database} is damaged: {text}',
    'Check it with PRAGMA integrity_check, and restore a backup.',
  ],
  [
    /^SQLITE_(?:BUSY|LOCKED)/,
    '{database} is locked by another process',
    'Wait until that process has finished, then run the command again.',
  ],
  [/^SQLITE_CONSTRAINT_FOREIGNKEY/, ...STILL_REFERRED],
  [
    /^SQLITE_CONSTRAINT_(?:CHECK|NOTNULL|UNIQUE|PRIMARYKEY|DATATYPE)/,
    '{database} refuses: {text}',
    'A constraint in the database forbids the change. Check the constraints of the table.',
  ],
  [
    /^SQLITE_FULL/,
    '{database} cannot be written: the disk is full',
    'SQLite needs space for its journal even to delete. Free some space, then run the command again.',
  ],
  [/^SQLITE_READONLY/, '{database} cannot be written: {text}', CHECK_PERMISSIONS],
  [/^SQLITE_(?:CANTOPEN|IOERR|PERM|AUTH)/, 'cannot open {database}: {text}', CHECK_PERMISSIONS],
  [
    /^SQLITE_(?:SCHEMA|PROTOCOL)/,
    '{database} refuses: {text}',
    'Another process is changing the database. Run the command again.',
  ],
  [
    /^SQLITE_(?:NOMEM|TOOBIG|NOLFS)/,
    '{database} refuses: {text}',
    'Check the size of the file and the memory of this machine.',
  ],
];

/** Explains an error of SQLite; undefined for an unknown code. */
export function explainSqlite(error: unknown, database: string): Refusal | undefined {
  return lookUpRefusal(ROWS, errorCode(error) ?? '', error, database);
}
