import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import Database from 'better-sqlite3';
import stringWidth from 'string-width';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dangerousIn } from '../../output/hostile.ts';
import { runMain, type FakeSystemOptions } from '../../support/fake-system.ts';

const directory = mkdtempSync(join(tmpdir(), 'sessionctl-list-'));
const url = `sqlite:${join(directory, 'demo.db')}`;

interface ListedSession {
  readonly id: string;
  readonly userEmail: string | null;
  readonly state: string;
  readonly updatedAt: string;
  readonly expiresAt: string;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly device: string | null;
}

function list(words: readonly string[], options: FakeSystemOptions = {}) {
  return runMain(['--url', url, 'list', ...words], options);
}

async function listed(...words: readonly string[]): Promise<readonly ListedSession[]> {
  const { stdout } = await list([...words, '--json']);
  return JSON.parse(stdout) as readonly ListedSession[];
}

function fromDatabase<Value>(sql: string): readonly Value[] {
  const database = new Database(join(directory, 'demo.db'), { readonly: true });
  try {
    return database.prepare<[], Value>(sql).pluck().all();
  } finally {
    database.close();
  }
}

const screen = { tty: { stdout: true, stderr: true }, columns: 80 };

beforeAll(async () => {
  const { code } = await runMain(['demo', 'demo.db'], { cwd: directory });
  expect(code).toBe(0);
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('all formats list the same sessions, and the token is in none of them', async () => {
  const json = await list(['--state', 'all', '--json']);
  const ids = (JSON.parse(json.stdout) as readonly ListedSession[]).map(({ id }) => id);
  expect(ids).toHaveLength(3000);
  const jsonl = await list(['--state', 'all', '-o', 'jsonl']);
  expect(
    jsonl.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as ListedSession).id),
  ).toEqual(ids);
  const csv = await list(['--state', 'all', '-o', 'csv']);
  expect(parse(csv.stdout, { columns: true }).map((row) => (row as ListedSession).id)).toEqual(ids);
  const plain = await list(['--state', 'all', '-o', 'ids']);
  expect(plain.stdout.trimEnd().split('\n')).toEqual(ids);
  const table = await list(['--state', 'all', '--limit', '3000']);
  expect(
    table.stdout
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(' ')[0]),
  ).toEqual(ids);

  const tokens = new Set(fromDatabase<string>('SELECT token FROM session'));
  for (const { stdout, stderr, code } of [json, jsonl, csv, plain, table]) {
    expect(code).toBe(0);
    expect((stdout + stderr).split(/[^A-Za-z0-9]+/).filter((word) => tokens.has(word))).toEqual([]);
    expect(dangerousIn(stdout.replaceAll('\n', ''))).toEqual([]);
  }
});

test('by default the active ones, newest activity first', async () => {
  const sessions = await listed();
  expect(new Set(sessions.map(({ state }) => state))).toEqual(new Set(['active']));
  const times = sessions.map(({ updatedAt }) => updatedAt);
  expect(times).toEqual(times.toSorted().reverse());
});

test('--sort: times newest first, text from A, unless said otherwise', async () => {
  const first = async (sort: string) => (await listed('--sort', sort, '--state', 'all'))[0];
  const extreme = (sql: string) => fromDatabase<string>(sql)[0];
  expect((await first('expiresAt'))?.expiresAt).toBe(extreme('SELECT max("expiresAt") FROM session'));
  expect((await first('expiresAt:asc'))?.expiresAt).toBe(extreme('SELECT min("expiresAt") FROM session'));
  expect((await first('id'))?.id).toBe(extreme('SELECT min(id) FROM session'));
  expect((await first('id:desc'))?.id).toBe(extreme('SELECT max(id) FROM session'));
  expect((await listed('--sort', 'none', '--state', 'all')).map(({ id }) => id)).toEqual(
    fromDatabase('SELECT id FROM session ORDER BY rowid'),
  );
});

test('a table stops at 100 and says how many more there are', async () => {
  const { stdout, stderr } = await list([]);
  const [all = 0] = fromDatabase<number>(
    `SELECT count(*) FROM session WHERE "expiresAt" > strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`,
  );
  const [shown, more] = [all, all - 100].map((number) => number.toLocaleString('en-US'));
  expect(stdout.trimEnd().split('\n')).toHaveLength(101);
  expect(stderr).toMatch(
    new RegExp(`^The first 100 of ${String(shown)} active sessions, by the database's clock 20\\S+Z$`, 'm'),
  );
  expect(stderr).toContain(
    `${String(more)} more active sessions: --limit ${String(all)} shows all, -o jsonl streams them.`,
  );
});

test('a short table says how many sessions of how many users', async () => {
  const { stderr } = await list([
    '--user',
    'ada@example.com',
    '--user',
    'robot@example.com',
    '--limit',
    '1000',
  ]);
  expect(stderr).toMatch(/^\d+ active sessions of 2 users, by the database's clock /);
});

test('--limit holds for machine formats too', async () => {
  expect(await listed('--limit', '7')).toHaveLength(7);
});

test('on a terminal no line is wider than 80 columns, and what was left out is said', async () => {
  const { stdout, stderr } = await list(['--no-color'], screen);
  for (const line of stdout.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(80);
  expect(stdout).toMatch(/^ID +USER +ACTIVE +EXPIRES +IP +DEVICE\n/);
  expect(stderr).toContain('Hidden: too narrow for state, created (--wide shows all columns).\n');
});

test('the short ids of a terminal are taken by show', async () => {
  const { stdout } = await list(['--no-color', '--limit', '3'], screen);
  for (const line of stdout.trimEnd().split('\n').slice(1)) {
    const [id = ''] = line.split(' ');
    expect((await runMain(['--url', url, 'show', id])).code).toBe(0);
  }
});

test('colour is for terminals that want it', async () => {
  const coloured = /\u001b\[/; // eslint-disable-line no-control-regex -- the escape character is what is looked for
  expect((await list(['--limit', '2'], screen)).stdout).toMatch(coloured);
  expect((await list(['--limit', '2'])).stdout).not.toMatch(coloured);
  expect((await list(['--limit', '2'], { ...screen, env: { NO_COLOR: '1' } })).stdout).not.toMatch(coloured);
  expect((await list(['--limit', '2'], { ...screen, env: { TERM: 'dumb' } })).stdout).not.toMatch(coloured);
  expect((await list(['--limit', '2', '--json'], screen)).stdout).not.toMatch(coloured);
});

test('--wide shows the whole user agent', async () => {
  const { stdout } = await list(['--user-agent', 'SESSION REVOKED', '--wide'], screen);
  expect(stdout).toContain(
    String.raw`Mozilla/5.0 \x1b[2J\x1b[1;31mSESSION REVOKED\x1b[0m\x0d\x0a\u202egro.elpmaxe\u202c\x07 (\x9b31m)`,
  );
});

test.each([
  [[], '', 'No active sessions match (expired ones need --state all).\n'],
  [['--state', 'all'], '', 'No sessions match.\n'],
  [['--state', 'expired'], '', 'No expired sessions match.\n'],
  [['-q'], '', ''],
  [['--json'], '[]\n', ''],
  [['-o', 'jsonl'], '', ''],
  [['-o', 'ids'], '', ''],
  [['-o', 'count'], '0\n', ''],
  [
    ['-o', 'csv'],
    'id,userId,userEmail,userName,state,createdAt,updatedAt,lastActiveAt,expiresAt,ipAddress,userAgent,device,impersonatedBy,store,tokenFingerprint\n',
    '',
  ],
])('nothing found with %j is no failure', async (words, stdout, stderr) => {
  expect(await list(['--user-agent', 'no such agent', ...words])).toEqual({ code: 0, stdout, stderr });
});

test.each([
  [
    ['-o', 'jsnl'],
    '--output: "jsnl" is not a format here',
    'Did you mean jsonl? Use one of table, json, jsonl, csv, ids, count.',
  ],
  [
    ['-o', 'count', '--limit', '5'],
    '--limit and -o count cannot be combined: a count is of all sessions that match',
    'Remove --limit.',
  ],
  [['--json', '-o', 'csv'], '--json and --output csv contradict each other', 'Give one of them.'],
  [
    ['--sort', 'updatedat'],
    '--sort: "updatedat" is not a field',
    'Did you mean updatedAt? Use one of lastActiveAt, updatedAt, createdAt, expiresAt, id, userId, userEmail, ipAddress, userAgent, none.',
  ],
  [['--sort', 'id:down'], '--sort: "down" is not a direction', 'Use one of asc, desc.'],
  [['--sort', 'id:asc:desc'], '--sort: "asc:desc" is not a direction', 'Use one of asc, desc.'],
  [['--sort', ''], '--sort: "" is not a field', undefined],
  [
    ['--limit', '0'],
    '--limit: "0" is not a whole number of sessions',
    'Write 1 or more, such as --limit 50.',
  ],
  [['--limit', '-5'], '--limit: "-5" is not a whole number of sessions', undefined],
  [['--limit', 'many'], '--limit: "many" is not a whole number of sessions', undefined],
  [
    ['--state', 'actve'],
    '--state: "actve" is not a state',
    'Did you mean active? Use one of active, expired, all.',
  ],
  [['--ip', '203.0.113.0/33'], '--ip: "203.0.113.0/33" is not an IP address or network', undefined],
  [['--created-after', 'yesterday'], '--created-after: "yesterday" is not a time', undefined],
  [['--user', ''], '--user was given an empty value', undefined],
])('%j is a usage error', async (words, message, hint) => {
  const { code, stdout, stderr } = await list(words);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
  if (hint !== undefined) expect(stderr).toContain(hint);
});

test('bad values are found before any database is looked for', async () => {
  const { code } = await runMain(['--url', 'sqlite:/no/such/file.db', 'list', '--limit', '0']);
  expect(code).toBe(2);
});

test('an unknown user is an error, never an empty filter', async () => {
  const { code, stdout, stderr } = await list(['--user', 'nobody@example.com']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('--user: no user has the id or e-mail address "nobody@example.com"');
});

test('a reader that goes away ends a long list normally', async () => {
  expect(await list(['--state', 'all', '-o', 'jsonl'], { stdoutClosesAfter: 100 })).toMatchObject({
    code: 0,
    stderr: '',
  });
});

test('a signal ends a long list with 130', async () => {
  const { code } = await list(['--state', 'all', '-o', 'jsonl'], { signal: AbortSignal.abort('SIGINT') });
  expect(code).toBe(130);
});
