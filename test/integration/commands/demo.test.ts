import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getMigrations } from 'better-auth/db/migration';
import { admin } from 'better-auth/plugins';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runMain } from '../../support/fake-system.ts';

const now = Date.parse('2026-11-23T14:00:00.000Z');
const directory = mkdtempSync(join(tmpdir(), 'sessionctl-demo-'));
const file = join(directory, 'demo.db');
let made: Awaited<ReturnType<typeof runMain>>;

interface Row {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly expiresAt: string;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly impersonatedBy: string | null;
  readonly userCreatedAt: string;
}

function demo(...words: readonly string[]) {
  return runMain(['demo', ...words], { cwd: directory, now: () => now });
}

function sessionsOf(path: string): readonly Row[] {
  const database = new Database(path, { readonly: true });
  try {
    return database
      .prepare<[], Row>(
        'SELECT s.*, u."createdAt" AS "userCreatedAt" FROM session s JOIN user u ON u.id = s."userId" ORDER BY s.rowid',
      )
      .all();
  } finally {
    database.close();
  }
}

function usersOf(path: string, email: string): readonly string[] {
  const database = new Database(path, { readonly: true });
  try {
    return database.prepare<[string], string>('SELECT id FROM user WHERE email = ?').pluck().all(email);
  } finally {
    database.close();
  }
}

beforeAll(async () => {
  made = await demo('demo.db');
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('it is made, with as many users and sessions as it says, and nothing is left beside it', () => {
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toMatch(/^Made demo\.db: 150 users, 3,000 sessions, 1,\d{3} of them active\.\n/);
  expect(sessionsOf(file)).toHaveLength(3000);
  expect(readdirSync(directory)).toEqual(['demo.db']);
});

test('Better Auth finds nothing to create or to add', async () => {
  const database = new Database(file);
  try {
    const { toBeCreated, toBeAdded, toBeAddedIndexes } = await getMigrations({
      database,
      plugins: [admin()],
    });
    expect({ toBeCreated, toBeAdded, toBeAddedIndexes }).toEqual({
      toBeCreated: [],
      toBeAdded: [],
      toBeAddedIndexes: [],
    });
  } finally {
    database.close();
  }
});

test('its schema is, word for word, the one that Better Auth makes', async () => {
  const own = new Database(':memory:');
  const demoDatabase = new Database(file, { readonly: true });
  try {
    const { runMigrations } = await getMigrations({ database: own, plugins: [admin()] });
    await runMigrations();
    const schema = (database: Database.Database) =>
      database.prepare('SELECT type, name, sql FROM sqlite_master ORDER BY type, name').all();
    expect(schema(demoDatabase)).toEqual(schema(own));
  } finally {
    own.close();
    demoDatabase.close();
  }
});

test('values have the form that Better Auth gives them, and no time contradicts another', () => {
  const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
  for (const session of sessionsOf(file)) {
    expect(session.id).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(session.token).toMatch(/^[A-Za-z0-9]{32}$/);
    for (const time of [session.createdAt, session.updatedAt, session.expiresAt]) expect(time).toMatch(iso);
    expect(session.userCreatedAt <= session.createdAt).toBe(true);
    expect(session.createdAt <= session.updatedAt).toBe(true);
    expect(session.updatedAt < session.expiresAt).toBe(true);
    expect(session.updatedAt <= new Date(now).toISOString()).toBe(true);
    expect(session.ipAddress ?? '').toMatch(
      /^(?:|(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+|2001:0db8:[0-9a-f]{4}:[0-9a-f]{4}(?::0000){4})$/,
    );
  }
});

test('every kind of session is there', () => {
  const sessions = sessionsOf(file);
  const at = new Date(now).toISOString();
  const lengthOf = ({ createdAt, expiresAt }: Row) => Date.parse(expiresAt) - Date.parse(createdAt);
  const [robotId] = usersOf(file, 'robot@example.com');
  const count = (fits: (session: Row) => boolean) => sessions.filter(fits).length;
  expect(count(({ expiresAt }) => expiresAt > at)).toBeGreaterThan(1000);
  expect(count(({ expiresAt }) => expiresAt < '2026-08')).toBeGreaterThan(300);
  expect(count(({ expiresAt }) => expiresAt > at && expiresAt < '2026-11-23T20')).toBeGreaterThan(10);
  expect(count((session) => lengthOf(session) === 86_400_000)).toBeGreaterThan(50);
  expect(count(({ impersonatedBy }) => impersonatedBy !== null)).toBeGreaterThan(10);
  expect(count(({ ipAddress }) => ipAddress === '')).toBeGreaterThan(0);
  expect(count(({ ipAddress }) => ipAddress === null)).toBeGreaterThan(0);
  expect(count(({ ipAddress }) => ipAddress?.startsWith('2001:') === true)).toBeGreaterThan(100);
  expect(count(({ userAgent }) => userAgent === '')).toBeGreaterThan(0);
  expect(count(({ userAgent }) => userAgent?.includes('\u001b') === true)).toBe(1);
  expect(count(({ userAgent }) => userAgent?.includes('Googlebot') === true)).toBe(1);
  expect(new Set(sessions.map(({ userAgent }) => userAgent)).size).toBeGreaterThan(25);
  const office = sessions.filter(({ ipAddress }) => ipAddress === '198.51.100.10');
  expect(new Set(office.map(({ userId }) => userId)).size).toBeGreaterThan(20);
  expect(count(({ userId }) => userId === robotId)).toBeGreaterThan(150);
});

test('one seed, one database; another seed, another', async () => {
  await demo('same.db');
  await demo('other.db', '--seed', '2');
  expect(sessionsOf(join(directory, 'same.db'))).toEqual(sessionsOf(file));
  expect(sessionsOf(join(directory, 'other.db'))[0]?.id).not.toBe(sessionsOf(file)[0]?.id);
});

test('the commands that it names work on it, and find something', async () => {
  // The commands judge by the clock of the database, so this one is made at the real present.
  const { stdout } = await runMain(['demo', 'now.db'], { cwd: directory });
  const commands = stdout.split('\n').flatMap((line) => /^ {2}sessionctl (.*)$/.exec(line)?.[1] ?? []);
  expect(commands.length).toBeGreaterThanOrEqual(6);
  expect(commands).toContainEqual(expect.stringMatching(/revoke-all --user \S+ --dry-run$/));
  expect(commands).toContainEqual(expect.stringMatching(/sweep --dry-run$/));
  for (const command of commands) {
    const { code, stdout: found } = await runMain(command.split(' '), { cwd: directory });
    expect([command, code]).toEqual([command, 0]);
    if (command.includes(' sweep ')) expect(found).toMatch(/^dry run: (?:\d|,)*[1-9](?:\d|,)* rows /);
    else expect(found.trimEnd().split('\n').length, command).toBeGreaterThan(1);
  }
});

test('a file that is there is left alone without --force', async () => {
  const other = join(directory, 'notes.db');
  writeFileSync(other, 'notes');
  expect(await demo('notes.db')).toEqual({
    code: 2,
    stdout: '',
    stderr: `error: ${other} exists already, and was not changed\nhint: Give another path, or replace it with --force.\n`,
  });
  expect(readFileSync(other, 'utf8')).toBe('notes');
});

test.each(['a file of somebody', 'SQLite format 3\0'.padEnd(100, '\0')])(
  '--force leaves what is no demo database alone: %j',
  async (text) => {
    const other = join(directory, 'important.txt');
    writeFileSync(other, text);
    expect(await demo('important.txt', '--force')).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: ${other} is not a demo database, and was not changed\nhint: --force replaces only a file that \`sessionctl demo\` created.\n`,
    });
    expect(readFileSync(other, 'utf8')).toBe(text);
  },
);

test('--force leaves a link alone, wherever it leads', async () => {
  const link = join(directory, 'link.db');
  expect((await demo('target.db')).code).toBe(0);
  symlinkSync(join(directory, 'target.db'), link);
  expect((await demo('link.db', '--force')).code).toBe(2);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
});

test('--force replaces a demo database, and what an older one left beside it', async () => {
  const other = join(directory, 'old.db');
  expect((await demo('old.db')).code).toBe(0);
  writeFileSync(`${other}-wal`, 'old');
  const { code } = await demo('old.db', '--force', '--users', '3', '--sessions', '5');
  expect(code).toBe(0);
  expect(sessionsOf(other)).toHaveLength(5);
  expect(existsSync(`${other}-wal`)).toBe(false);
});

test.each([
  [['--users', '1', '--sessions', '20'], { users: 1, sessions: 20 }],
  [['--users', '2', '--sessions', '1'], { users: 2, sessions: 1 }],
  [['--users', '3', '--sessions', '0'], { users: 3, sessions: 0 }],
])('%j makes %j', async (words, expected) => {
  const path = join(directory, 'small.db');
  const { code, stdout } = await demo('small.db', '--force', '--json', ...words);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ path, seed: 1, ...expected });
});

test.each([
  [['--users', '0'], '--users: "0" is out of range'],
  [['--users', ''], '--users: "" is out of range'],
  [['--sessions', '1e9'], '--sessions: "1e9" is out of range'],
  [['--seed', '-1'], '--seed: "-1" is out of range'],
  [['-o', 'csv'], '--output: "csv" is not a format here'],
  [['no/such/place.db'], `there is no directory ${join(directory, 'no/such')}`],
  [['.'], `${directory} is a directory`],
  [[' '], 'the path is empty'],
])('%j is a usage error', async (words, message) => {
  const { code, stdout, stderr } = await demo(...words);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`error: ${message}\n`);
});

test('an interrupted one leaves nothing behind', async () => {
  const place = join(directory, 'interrupted');
  mkdirSync(place);
  const stop = new AbortController();
  // Waits for the half-made file, so that there is something to leave behind.
  const watch = setInterval(() => {
    if (readdirSync(place).length > 0) stop.abort('SIGINT');
  }, 1);
  const outcome = await runMain(['demo', '--sessions', '60000'], { cwd: place, signal: stop.signal });
  clearInterval(watch);
  expect(outcome).toMatchObject({ code: 130, stdout: '' });
  expect(readdirSync(place)).toEqual([]);
});

test('a path with a blank in it is quoted in what it prints', async () => {
  const { stdout } = await demo('my demo.db', '--users', '2', '--sessions', '9');
  expect(stdout).toContain("sessionctl --url 'sqlite:my demo.db' list --limit 15");
});
