import { appendFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { parse } from 'csv-parse/sync';
import stringWidth from 'string-width';
import { beforeAll, afterAll, describe, expect, test } from 'vitest';
import { openHistory } from '../../src/history/history-file.ts';
import type { HistoryEntry } from '../../src/history/history-record.ts';
import type { HistoryRun } from '../../src/history/history-runs.ts';
import { version } from '../../src/version.ts';
import { anEntry } from '../history/histories.ts';
import { dangerousIn } from '../output/hostile.ts';
import { fakeSystem, runMain, type FakeSystemOptions } from '../support/fake-system.ts';

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'sessionctl-history-')));
const app = 'postgres://reader:secret@db.example.com/app';
const now = Date.UTC(2026, 10, 23, 14);
const hostile = 'gone\u001b[2J\u202e  "=1+1"\nnext';

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** The directory of a history with these entries, one a minute, the last one at `now`. */
async function stateHomeWith(name: string, entries: readonly HistoryEntry[]): Promise<string> {
  const stateHome = join(directory, name);
  for (const [at, entry] of entries.entries()) {
    const { system } = fakeSystem({
      env: { XDG_STATE_HOME: stateHome },
      now: () => now - (entries.length - 1 - at) * 60_000,
    });
    await openHistory(system).append(entry);
  }
  return stateHome;
}

const finished: HistoryEntry = {
  ...anEntry,
  event: 'finished',
  revoked: 12,
  remaining: 0,
  outcome: 'complete',
};
const run = (runId: string, about: Partial<HistoryEntry> = {}): readonly HistoryEntry[] => [
  { ...anEntry, ...about, runId },
  { ...finished, ...about, runId },
];
const elsewhere = { ...anEntry.target, database: 'db.example.com:5432/other' };
const entries: readonly HistoryEntry[] = [
  ...run('run-1', { reason: 'stolen laptop of ada, ticket 4711, as agreed with the head of security' }),
  ...run('run-2', { target: elsewhere, reason: null }),
  { ...anEntry, runId: 'run-3', command: 'sweep', selection: 'expired sessions', reason: null },
  { ...anEntry, runId: 'run-4', event: 'refused', detail: '--max-affected 10', reason: hostile },
  { ...anEntry, runId: 'run-5', event: 'cancelled', selection: '--everyone' },
  ...run('run-6', {
    selection: '--ip 203.0.113.0/24 --user-agent curl --created-after 2d --except-user bob@example.com',
    outcome: 'survivors',
    revoked: 11,
    remaining: 1,
  }).map((entry) =>
    entry.event === 'started' ? { ...entry, outcome: null, revoked: null, remaining: null } : entry,
  ),
];

let stateHome: string;
let many: string;
beforeAll(async () => {
  stateHome = await stateHomeWith('some', entries);
  many = await stateHomeWith(
    'many',
    Array.from({ length: 25 }, (_, at) => run(`run-${String(at + 1)}`)).flat(),
  );
});

function history(words: readonly string[], options: FakeSystemOptions = {}, home = stateHome) {
  // Nobody listens at the databases that these histories are about.
  const own = words.includes('--all') ? [] : ['--own'];
  return runMain(['history', ...own, ...words], {
    now: () => now,
    ...options,
    env: { XDG_STATE_HOME: home, DATABASE_URL: app, ...options.env },
  });
}
const screen = (columns: number, env: FakeSystemOptions['env'] = { NO_COLOR: '1' }) => ({
  tty: { stdout: true, stderr: true },
  columns,
  env,
});

test('in a pipe: what was done to the database of the settings, newest first, whole', async () => {
  const { stdout, stderr, code } = await history([]);
  expect(`\n${stdout}`).toMatchInlineSnapshot(`
    "
    WHEN                      WHO              COMMAND     SELECTION                                                                               MATCHED  REVOKED  OUTCOME     REASON                                                                  DETAIL
    2026-11-23T13:59:00.000Z  tester@testhost  revoke-all  --ip 203.0.113.0/24 --user-agent curl --created-after 2d --except-user bob@example.com  12       11       survivors   stolen laptop                                                           -
    2026-11-23T13:58:00.000Z  tester@testhost  revoke-all  --everyone                                                                              12       -        cancelled   stolen laptop                                                           -
    2026-11-23T13:57:00.000Z  tester@testhost  revoke-all  --user ada@example.com                                                                  12       -        refused     gone\\x1b[2J\\u202e "=1+1"\\x0anext                                        --max-affected 10
    2026-11-23T13:56:00.000Z  tester@testhost  sweep       expired sessions                                                                        12       -        unfinished  -                                                                       -
    2026-11-23T13:52:00.000Z  tester@testhost  revoke-all  --user ada@example.com                                                                  12       12       complete    stolen laptop of ada, ticket 4711, as agreed with the head of security  -
    "
  `);
  expect(stderr).toBe('5 runs on db.example.com:5432/app\n');
  expect(code).toBe(0);
  for (const line of stdout.trimEnd().split('\n')) expect(line.split(/ {2,}/)).toHaveLength(9);
});

test('at 80 columns', async () => {
  const { stdout, stderr } = await history([], screen(80));
  expect(`\n${stdout}\n${stderr}`).toMatchInlineSnapshot(`
    "
    WHEN    WHO          COMMAND     SELECTION     REVOKED  OUTCOME     REASON
    1m ago  tester@tes…  revoke-all  --ip 203.0.…  11       survivors   stolen lapt…
    2m ago  tester@tes…  revoke-all  --everyone    -        cancelled   stolen lapt…
    3m ago  tester@tes…  revoke-all  --user ada@…  -        refused     gone\\x1b[2J…
    4m ago  tester@tes…  sweep       expired ses…  -        unfinished  -
    8m ago  tester@tes…  revoke-all  --user ada@…  12       complete    stolen lapt…

    5 runs on db.example.com:5432/app
    Hidden: too narrow for matched, detail (--wide shows all columns).
    "
  `);
});

test('at 200 columns', async () => {
  const { stdout, stderr } = await history([], screen(200));
  expect(`\n${stdout}\n${stderr}`).toMatchInlineSnapshot(`
    "
    WHEN    WHO              COMMAND     SELECTION                                                 MATCHED  REVOKED  OUTCOME     REASON                                                    DETAIL
    1m ago  tester@testhost  revoke-all  --ip 203.0.113.0/24 --user-agent curl --created-after 2…  12       11       survivors   stolen laptop                                             -
    2m ago  tester@testhost  revoke-all  --everyone                                                12       -        cancelled   stolen laptop                                             -
    3m ago  tester@testhost  revoke-all  --user ada@example.com                                    12       -        refused     gone\\x1b[2J\\u202e  "=1+1"\\x0anext                         --max-affected 10
    4m ago  tester@testhost  sweep       expired sessions                                          12       -        unfinished  -                                                         -
    8m ago  tester@testhost  revoke-all  --user ada@example.com                                    12       12       complete    stolen laptop of ada, ticket 4711, as agreed with the h…  -

    5 runs on db.example.com:5432/app
    "
  `);
});

test('--all: every database, and which', async () => {
  const { stdout, stderr } = await history(['--all'], screen(120));
  expect(`\n${stdout}\n${stderr}`).toMatchInlineSnapshot(`
    "
    WHEN    WHO              COMMAND     DATABASE          SELECTION         MATCHED  REVOKED  OUTCOME     REASON
    1m ago  tester@testhost  revoke-all  app on db.examp…  --ip 203.0.113.…  12       11       survivors   stolen laptop
    2m ago  tester@testhost  revoke-all  app on db.examp…  --everyone        12       -        cancelled   stolen laptop
    3m ago  tester@testhost  revoke-all  app on db.examp…  --user ada@exam…  12       -        refused     gone\\x1b[2J\\u202…
    4m ago  tester@testhost  sweep       app on db.examp…  expired sessions  12       -        unfinished  -
    6m ago  tester@testhost  revoke-all  other on db.exa…  --user ada@exam…  12       12       complete    -
    8m ago  tester@testhost  revoke-all  app on db.examp…  --user ada@exam…  12       12       complete    stolen laptop of…

    6 runs
    Hidden: too narrow for detail (--wide shows all columns).
    "
  `);
});

test('a selection of many ids is cut, also in a pipe, unless --wide wants everything', async () => {
  const ids = Array.from({ length: 200 }, (_, n) => `session-${String(n)}`).join(' ');
  const detail = `the database refused: ${'because '.repeat(40)}`.trim();
  const home = await stateHomeWith('long', [
    { ...anEntry, selection: `--token-stdin ${ids}`, event: 'refused', detail },
  ]);
  const [, row = ''] = (await history([], {}, home)).stdout.split('\n');
  expect(row).toMatch(/ {2}--token-stdin session-0 [^…]{60,90}… {2}12 /);
  expect(stringWidth(row)).toBeLessThan(320);
  for (const options of [{}, screen(80)]) {
    const { stdout, stderr } = await history(['--wide'], options, home);
    expect(stdout).toContain(`--token-stdin ${ids}  12`);
    expect(stdout).toContain(detail);
    expect(stderr).not.toContain('Left out');
  }
});

test('--wide at a terminal has every column', async () => {
  const { stdout } = await history(['--wide'], screen(80));
  const [head = ''] = stdout.split('\n');
  expect(head.split(/ +/)).toEqual(['WHEN', 'WHO', 'COMMAND', 'SELECTION', 'MATCHED', 'REVOKED', 'OUTCOME', 'REASON', 'DETAIL']); // prettier-ignore
  expect(stdout).toMatch(/3m ago .* refused .* --max-affected 10$/m);
});

test('the OAuth tokens that were revoked are in the record of the end, and older records lack them', async () => {
  const home = await stateHomeWith('tokens', [
    ...run('run-1'),
    { ...anEntry, runId: 'run-2' },
    { ...finished, runId: 'run-2', oauthTokens: 6 },
  ]);
  const runs = JSON.parse((await history(['--json'], {}, home)).stdout) as readonly HistoryRun[];
  expect(runs.map(({ oauthTokens }) => oauthTokens)).toEqual([6, null]);
  const verified = await history(['--verify'], {}, home);
  expect([verified.stdout, verified.code]).toEqual([expect.stringContaining('4 records, unbroken'), 0]);
  const csv = parse<Record<string, string>>((await history(['-o', 'csv'], {}, home)).stdout, { columns: true }); // prettier-ignore
  expect(csv.map((row) => row['oauthTokens'])).toEqual(['6', '']);
});

test.each([20, 40, 60, 80, 100, 120, 200])('nothing is wider than %i columns', async (columns) => {
  for (const words of [[], ['--all']]) {
    const { stdout } = await history(words, screen(columns));
    for (const line of stdout.trimEnd().split('\n')) {
      expect(stringWidth(line)).toBeLessThanOrEqual(columns);
      expect(dangerousIn(line)).toEqual([]);
    }
  }
});

test('colours only where they are wanted, and nothing is moved by them', async () => {
  const { stdout } = await history([], screen(80, {}));
  expect(stdout).toContain('\u001b[31msurvivors\u001b[39m');
  expect(stripVTControlCharacters(stdout)).toBe((await history([], screen(80))).stdout);
});

test('a table stops at 20 and says how many there are; --limit says otherwise', async () => {
  const table = await history([], {}, many);
  expect(table.stdout.trimEnd().split('\n')).toHaveLength(21);
  expect(table.stderr).toBe(
    'The newest 20 of 25 runs on db.example.com:5432/app: --limit 25 shows all.\n',
  );
  const short = await history(['--limit', '2', '--all'], {}, many);
  expect(short.stdout.trimEnd().split('\n')).toHaveLength(3);
  expect(short.stderr).toBe('The newest 2 of 25 runs: --limit 25 shows all.\n');
  const idsOf = async (...words: readonly string[]) =>
    (JSON.parse((await history([...words, '--json'], {}, many)).stdout) as readonly HistoryRun[]).map(
      ({ runId }) => runId,
    );
  expect(await idsOf()).toEqual(Array.from({ length: 25 }, (_, at) => `run-${String(25 - at)}`));
  expect(await idsOf('--limit', '2')).toEqual(['run-25', 'run-24']);
}); // prettier-ignore

test('json: every field of a run', async () => {
  const { stdout, stderr, code } = await history(['--json', '--all']);
  expect([stderr, code]).toEqual(['', 0]);
  const runs = JSON.parse(stdout) as readonly HistoryRun[];
  expect(runs.map(({ runId, outcome }) => [runId, outcome])).toEqual([
    ['run-6', 'survivors'],
    ['run-5', 'cancelled'],
    ['run-4', 'refused'],
    ['run-3', 'unfinished'],
    ['run-2', 'complete'],
    ['run-1', 'complete'],
  ]);
  expect(runs[5]).toEqual({
    runId: 'run-1',
    command: 'revoke-all',
    startedAt: '2026-11-23T13:52:00.000Z',
    finishedAt: '2026-11-23T13:53:00.000Z',
    operator: { user: 'tester', host: 'testhost' },
    version,
    target: anEntry.target,
    selection: '--user ada@example.com',
    reason: 'stolen laptop of ada, ticket 4711, as agreed with the head of security',
    matched: 12,
    users: 1,
    revoked: 12,
    remaining: 0,
    outcome: 'complete',
    detail: null,
    oauthTokens: null,
  });
  expect(runs[2]).toMatchObject({ detail: '--max-affected 10', reason: hostile, revoked: null });
  expect(runs[3]).toMatchObject({ finishedAt: null });
  expect(dangerousIn(stdout.replaceAll('\n', ''))).toEqual([]);
});

test('jsonl and csv say the same', async () => {
  const runs = JSON.parse((await history(['--json'])).stdout) as readonly HistoryRun[];
  const jsonl = (await history(['-o', 'jsonl'])).stdout;
  expect(
    jsonl
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(runs);
  const { stdout } = await history(['-o', 'csv']);
  expect(stdout.slice(0, stdout.indexOf('\n'))).toBe(
    'runId,command,startedAt,finishedAt,user,host,version,profile,dialect,database,redis,selection,reason,matched,users,revoked,remaining,outcome,detail,oauthTokens',
  );
  expect(dangerousIn(stdout.replaceAll('\n', ''))).toEqual([]);
  const rows = parse<Record<string, string>>(stdout, { columns: true });
  expect(rows.map((row) => [row['runId'], row['user'], row['database'], row['revoked']])).toEqual(
    runs.map(({ runId, operator, target, revoked }) => [
      runId,
      operator.user,
      target.database,
      revoked?.toString() ?? '',
    ]),
  );
}); // prettier-ignore

describe('which database', () => {
  test('is the one of the settings, whoever connects to it and however', async () => {
    for (const url of [app, 'postgresql://db.example.com:5432/app?sslmode=require'])
      expect((await history([], { env: { DATABASE_URL: url } })).stderr).toBe(
        '5 runs on db.example.com:5432/app\n',
      );
    const other = await history([], { env: { DATABASE_URL: 'postgres://db.example.com/other' } });
    expect(other.stderr).toBe('1 run on db.example.com:5432/other\n');
  });

  test('the same name on another kind of database is another', async () => {
    const { stdout, stderr, code } = await history([], {
      env: { DATABASE_URL: 'mysql://db.example.com:5432/app' },
    });
    expect([stdout, stderr, code]).toEqual([
      '',
      `The history ${stateHome}/sessionctl/history.jsonl has no run on db.example.com:5432/app (--all shows those on other databases).\n`,
      0,
    ]);
  });

  test('has to be known, but for --all', async () => {
    const nowhere = { env: { DATABASE_URL: undefined } };
    expect(await history([], nowhere)).toMatchObject({ stdout: '', code: 3 });
    expect(await history(['--all'], nowhere)).toMatchObject({ stderr: '6 runs\n', code: 0 });
    expect(await history(['--verify'], nowhere)).toMatchObject({ stderr: '', code: 0 });
  });
});

describe('an empty history', () => {
  const empty = join(directory, 'empty');
  const nothing = `The history ${empty}/sessionctl/history.jsonl is empty.\n`;

  test.each([[[]], [['--all']], [['--verify']]])('is a note: %j', async (words) => {
    expect(await history(words, {}, empty)).toEqual({ stdout: '', stderr: nothing, code: 0 });
  });

  test('is an empty array, and no line', async () => {
    expect(await history(['--json'], {}, empty)).toEqual({ stdout: '[]\n', stderr: '', code: 0 });
    expect(await history(['-o', 'jsonl'], {}, empty)).toEqual({ stdout: '', stderr: '', code: 0 });
  });
});

describe('--verify', () => {
  const path = () => `${stateHome}/sessionctl/history.jsonl`;

  test('of a whole history', async () => {
    expect(await history(['--verify'])).toEqual({
      stdout: '9 records, unbroken, from 2026-11-23T13:52:00.000Z to 2026-11-23T14:00:00.000Z\n',
      stderr: '',
      code: 0,
    });
    const { stdout } = await history(['--verify', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      path: path(),
      records: 9,
      from: '2026-11-23T13:52:00.000Z',
      to: '2026-11-23T14:00:00.000Z',
      comparedWith: null,
      problems: [],
      remarks: [],
    });
  });

  test.each([
    [['--verify', '--all'], "option '--verify' cannot be used with option '--all'"],
    [['--verify', '--limit', '3'], "option '--verify' cannot be used with option '--limit <number>'"],
    [['--limit', '0'], '--limit: "0" is not a whole number of runs'],
    [['--verify', '-o', 'csv'], '--output: "csv" is not a format here'],
    [['-o', 'ids'], '--output: "ids" is not a format here'],
  ])('usage: %j', async (words, message) => {
    const { stderr, code } = await history(words);
    expect(stderr.split('\n')[0]).toBe(`error: ${message}`);
    expect(code).toBe(2);
  });

  test('of a broken one names every problem, and listing it warns', async () => {
    const home = await stateHomeWith('broken', entries);
    const file = join(home, 'sessionctl', 'history.jsonl');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const left = lines.map((line, at) => (at === 1 ? line.replace('ticket 4711', 'ticket 4712') : line));
    left.splice(4, 1);
    writeFileSync(file, `${left.join('\n')}\n`);
    appendFileSync(file, '{"sequence":10,"at"');

    const broken = await history(['--verify'], {}, home);
    expect(broken.stdout).toBe(
      [
        `${file}:2: record 2 is not as it was written`,
        `${file}:5: record 5 is missing before this`,
        `${file}:9: note: the last line has no end: its writing was interrupted`,
        '',
      ].join('\n'),
    );
    expect(broken.stderr).toBe(
      `error: the history ${file} is broken: 2 problems\nhint: Compare it with a backup. To start a new one, move it away unchanged.\n`,
    );
    expect(broken.code).toBe(1);

    const json = await history(['--verify', '--json'], {}, home);
    expect(JSON.parse(json.stdout)).toMatchObject({
      problems: [
        { line: 2, kind: 'changed' },
        { line: 5, kind: 'missing' },
      ],
      remarks: [{ line: 9, kind: 'cut-short' }],
    });
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'failed' } });

    const listed = await history([], {}, home);
    expect(listed.code).toBe(0);
    expect(listed.stderr).toContain(
      'warning: the history is broken: `sessionctl history --verify` names 2 problems\n',
    );
  });

  test('of one with a half-written line is no failure, and says so once', async () => {
    const home = await stateHomeWith('half', entries);
    const file = join(home, 'sessionctl', 'history.jsonl');
    appendFileSync(file, '{"sequence":10,"at"');
    const { stdout, stderr, code } = await history(['--verify'], {}, home);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toBe(
      `${file}:10: note: the last line has no end: its writing was interrupted\n9 records, unbroken, from 2026-11-23T13:52:00.000Z to 2026-11-23T14:00:00.000Z\n`,
    );
    const listed = await history([], {}, home);
    expect(listed.stderr).not.toContain('broken');
  });
});

test('a relative XDG_STATE_HOME is named, once, with what is used in its place', async () => {
  const home = join(directory, 'home');
  const env = { XDG_STATE_HOME: 'state', HOME: home };
  const { stderr, code } = await runMain(['history', '--all'], { env });
  expect(code).toBe(0);
  expect(stderr).toBe(
    `warning: XDG_STATE_HOME is a relative path and is ignored: ${home}/.local/state is used instead\nThe history ${home}/.local/state/sessionctl/history.jsonl is empty.\n`,
  );
});

test('without a home there is no history', async () => {
  expect(await runMain(['history', '--all'])).toEqual({
    stdout: '',
    stderr:
      'error: there is no place for the history: neither HOME nor XDG_STATE_HOME is set\nhint: Set XDG_STATE_HOME to an absolute path, such as /var/lib.\n',
    code: 1,
  });
});
