import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { FailedError } from '../../src/errors.ts';
import { appendRecord } from '../../src/history/append-record.ts';
import type { HistoryProblem } from '../../src/history/history-chain.ts';
import { openHistory, type History } from '../../src/history/history-file.ts';
import { recordLine, sealRecord, type HistoryRecord } from '../../src/history/history-record.ts';
import { version } from '../../src/version.ts';
import { fakeSystem, type FakeSystemOptions } from '../support/fake-system.ts';
import { bareEnvironment, isAllPowerful, runProgram, unprivileged } from '../support/run-sessionctl.ts';
import { anEntry, historyOfLength } from '../history/histories.ts';

interface TestHistory extends History {
  readonly verify: () => Promise<readonly HistoryProblem[]>;
  readonly stateHome: string;
  readonly lockPath: string;
  readonly text: () => string;
}

/** A history in a directory that is gone when the test is over. */
function emptyHistory(options: FakeSystemOptions = {}): TestHistory {
  const stateHome = realpathSync(mkdtempSync(join(tmpdir(), 'sessionctl-history-')));
  onTestFinished(() => {
    rmSync(stateHome, { recursive: true, force: true });
  });
  const history = openHistory(fakeSystem({ ...options, env: { XDG_STATE_HOME: stateHome } }).system);
  return {
    ...history,
    verify: async () => (await history.read()).problems,
    stateHome,
    lockPath: `${history.path}.lock`,
    text: () => readFileSync(history.path, 'utf8'),
  };
}

/** A history that has this many records, written in one go. */
function historyWith(length: number): TestHistory & { readonly records: readonly HistoryRecord[] } {
  const history = emptyHistory();
  const { records, bytes } = historyOfLength(length);
  mkdirSync(dirname(history.path));
  writeFileSync(history.path, bytes);
  return { ...history, records };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const linesOf = (history: TestHistory) => history.text().trimEnd().split('\n');

/** In a process of its own: appends so many records, and prints what an append fails with. */
const APPENDING = `
  const [, module, name, count] = process.argv;
  // A file that may not grow is like a full disk, but for this signal.
  process.on('SIGXFSZ', () => {});
  const { openHistory } = await import(module);
  const history = openHistory({ env: process.env, now: Date.now, operator: () => ({ user: name, host: 'h' }) });
  const entry = ${JSON.stringify(anEntry)};
  try {
    for (let at = 1; at <= Number(count); at += 1) {
      await history.append({ ...entry, runId: name + '-' + at });
      process.stdout.write('.');
    }
  } catch (error) {
    process.stdout.write(error.name + ': ' + error.message);
  }
`;
const historyModule = new URL('../../src/history/history-file.ts', import.meta.url).href;
const appending = (name: string, count: number) =>
  [
    '--import',
    import.meta.resolve('tsx'),
    '--input-type=module',
    '-e',
    APPENDING,
    historyModule,
    name,
    String(count),
  ] as const;

async function appendElsewhere(history: TestHistory, name: string, count: number): Promise<string> {
  const { stdout, stderr } = await runProgram(process.execPath, appending(name, count), {
    env: { XDG_STATE_HOME: history.stateHome },
  });
  expect(stderr).toBe('');
  return stdout;
}

/** Whoever waits for a timer waits no longer, while the disk works on. @returns the milliseconds that seem to have passed */
async function inFastTime(work: Promise<unknown>): Promise<number> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  try {
    const begun = performance.now();
    const over = work.then(() => true);
    while (!(await Promise.race([over, nextTurn()]))) {
      if (vi.getTimerCount() > 0) await vi.advanceTimersToNextTimerAsync();
    }
    return performance.now() - begun;
  } finally {
    vi.useRealTimers();
  }
}

const nextTurn = () => new Promise<false>((resolve) => setImmediate(resolve, false));

describe('where it is', () => {
  const pathWith = (env: Readonly<Record<string, string>>) => openHistory(fakeSystem({ env }).system).path;

  it('in XDG_STATE_HOME, else below the home directory', () => {
    expect(pathWith({ XDG_STATE_HOME: '/state', HOME: '/home/ada' })).toBe('/state/sessionctl/history.jsonl');
    expect(pathWith({ HOME: '/home/ada' })).toBe('/home/ada/.local/state/sessionctl/history.jsonl');
  });

  it('a relative XDG_STATE_HOME does not count', () => {
    expect(pathWith({ XDG_STATE_HOME: 'state', HOME: '/home/ada' })).toBe(
      '/home/ada/.local/state/sessionctl/history.jsonl',
    );
  });

  it.each([{}, { HOME: '' }, { XDG_STATE_HOME: 'state' }])('nowhere without a home: %j', (env) => {
    expect(() => pathWith(env)).toThrow(
      expect.objectContaining({
        name: 'FailedError',
        message: 'there is no place for the history: neither HOME nor XDG_STATE_HOME is set',
        hint: 'Set XDG_STATE_HOME to an absolute path, such as /var/lib.',
      }),
    );
  });
});

describe('appending', () => {
  it('adds when, who and which version, and chains', async () => {
    const history = emptyHistory({
      now: () => Date.UTC(2026, 10, 23, 10),
      operator: { user: 'ada', host: 'bastion' },
    });
    const first = await history.append(anEntry);
    const second = await history.append({ ...anEntry, event: 'finished', revoked: 12, outcome: 'complete' });
    expect(first).toEqual({
      ...anEntry,
      sequence: 1,
      at: '2026-11-23T10:00:00.000Z',
      operator: { user: 'ada', host: 'bastion' },
      version,
      previous: '0'.repeat(64),
      hash: first.hash,
    });
    expect([second.sequence, second.previous]).toEqual([2, first.hash]);
    expect(history.text()).toBe(`${recordLine(first)}\n${recordLine(second)}\n`);
    expect(await history.read()).toEqual({ records: [first, second], problems: [], remarks: [] });
  });

  it('leaves one file, which nobody else can read', async () => {
    const history = emptyHistory();
    await history.append(anEntry);
    await history.append(anEntry);
    expect(readdirSync(dirname(history.path)).sort()).toEqual(['history.jsonl']);
    const modes = [dirname(history.path), history.path].map((path) => statSync(path).mode);
    expect(modes.map((mode) => mode & 0o777)).toEqual([0o700, 0o600]);
  });

  it('keeps text from outside as it is', async () => {
    const history = emptyHistory();
    const reason = 'line\nfeed \u001b[2J \u202e "quoted" \ud800 田中';
    await history.append({ ...anEntry, reason });
    expect(history.text().trimEnd().split('\n')).toHaveLength(1);
    expect((await history.read()).records[0]?.reason).toBe(reason);
    expect(await history.verify()).toEqual([]);
  });

  it('looks only at the end of the file', async () => {
    const history = historyWith(3);
    const [first = '', ...rest] = linesOf(history);
    writeFileSync(history.path, [first.replace('stolen', 'broken'), ...rest, ''].join('\n'));
    truncateFront(history, 'x'.repeat(300_000));
    expect(await history.append(anEntry)).toMatchObject({ sequence: 4 });
    expect((await history.verify()).map(({ line, kind }) => [line, kind])).toEqual([
      [1, 'unreadable'],
      [2, 'changed'],
    ]);

    function truncateFront({ path, text }: TestHistory, junk: string): void {
      writeFileSync(path, `${junk}\n${text()}`);
    }
  });

  it('follows a record of any length', async () => {
    const history = emptyHistory();
    for (const length of [65_000, 65_536, 70_000, 1_000_000])
      await history.append({ ...anEntry, detail: 'x'.repeat(length) });
    await history.append(anEntry);
    expect(await history.verify()).toEqual([]);
    expect((await history.read()).records).toHaveLength(5);
  });

  it('does not write where somebody else wrote in the meantime, but goes behind it', async () => {
    const { path, records, ...history } = historyWith(3);
    const last = records[2];
    if (last === undefined) throw new Error('there are three');
    const circumstances = { at: '2026-11-23T12:00:00.000Z', operator: last.operator, version };
    const foreign = sealRecord({ ...anEntry, runId: 'foreign' }, last, circumstances);
    let asked = 0;
    const record = await appendRecord(path, anEntry, () => {
      asked += 1;
      if (asked === 1) appendFileSync(path, `${recordLine(foreign)}\n`);
      return circumstances;
    });
    expect(record).toMatchObject({ sequence: 5, previous: foreign.hash });
    expect(await history.verify()).toEqual([]);
  });
});

describe('many at once', () => {
  it('in one process keep one chain', async () => {
    const history = emptyHistory();
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => history.append({ ...anEntry, runId: `run-${String(at)}` })),
    );
    expect(await history.verify()).toEqual([]);
    const { records } = await history.read();
    expect(new Set(records.map(({ runId }) => runId)).size).toBe(20);
  });

  it('in eight processes keep one chain', async () => {
    const history = emptyHistory();
    const names = Array.from({ length: 8 }, (_, at) => `process-${String(at)}`);
    const said = await Promise.all(names.map((name) => appendElsewhere(history, name, 10)));
    expect(said).toEqual(names.map(() => '.'.repeat(10)));
    expect(await history.verify()).toEqual([]);
    const { records } = await history.read();
    expect(new Set(records.map(({ runId }) => runId)).size).toBe(80);
  });

  it('wait for nobody who was killed with the lock in hand', async () => {
    const history = historyWith(1);
    mkdirSync(history.lockPath);
    const anHourAgo = Date.now() / 1000 - 3600;
    utimesSync(history.lockPath, anHourAgo, anHourAgo);
    const names = Array.from({ length: 8 }, (_, at) => `process-${String(at)}`);
    const said = await Promise.all(names.map((name) => appendElsewhere(history, name, 1)));
    expect(said).toEqual(names.map(() => '.'));
    expect(await history.verify()).toEqual([]);
    expect((await history.read()).records).toHaveLength(9);
  });

  it('wait for whoever holds the lock', async () => {
    const history = historyWith(1);
    mkdirSync(history.lockPath);
    const appended = history.append(anEntry);
    await sleep(500);
    expect(linesOf(history)).toHaveLength(1);
    rmSync(history.lockPath, { recursive: true });
    expect(await appended).toMatchObject({ sequence: 2 });
  });

  it('give up where the lock is held for ever, and name it', async () => {
    const history = historyWith(1);
    mkdirSync(history.lockPath);
    const inAnHour = Date.now() / 1000 + 3600;
    utimesSync(history.lockPath, inAnHour, inAnHour);
    const before = history.text();
    const passed = await inFastTime(
      expect(history.append(anEntry)).rejects.toThrow(
        expect.objectContaining({
          name: 'FailedError',
          message: `the history ${history.path} cannot be written: another sessionctl holds ${history.lockPath}`,
          hint: 'If none is running, remove that directory.',
        }),
      ),
    );
    expect(passed, 'milliseconds of patience').toBeGreaterThanOrEqual(15_000);
    expect(passed).toBeLessThan(16_000);
    expect(history.text()).toBe(before);
  });
});

test('a process that is killed at any moment loses no record that it had appended', async () => {
  const history = emptyHistory();
  const appended: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    const name = `killed-${String(round)}`;
    const child = spawn(process.execPath, [...appending(name, 1000)], {
      env: { ...bareEnvironment, XDG_STATE_HOME: history.stateHome },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let count = 0;
    child.stdout.on('data', (dots: Buffer) => {
      count += dots.length;
      if (count >= 3) setTimeout(() => child.kill('SIGKILL'), round * 3);
    });
    await ended;
    appended.push(...Array.from({ length: count }, (_, at) => `${name}-${String(at + 1)}`));
    // What would be stale in ten seconds.
    if (existsSync(history.lockPath)) utimesSync(history.lockPath, 0, 0);
  }
  await history.append({ ...anEntry, runId: 'the last' });
  const { records, problems } = await history.read();
  // A fragment at most: nothing is missing, changed or out of its place.
  expect(problems).toEqual([]);
  const runs = new Set(records.map(({ runId }) => runId));
  expect([...appended, 'the last'].filter((runId) => !runs.has(runId))).toEqual([]);
});

describe('a last line that was cut short', () => {
  const fragment = '{"sequence":4,"at":"2026-11-23T10:00:03.000Z","runId":"run-4","ev';

  it('stops nobody, and stays to be seen', async () => {
    const history = historyWith(3);
    appendFileSync(history.path, fragment);
    const found = async () => {
      const { problems, remarks } = await history.read();
      return { problems, remarks: remarks.map(({ line, kind }) => [line, kind]) };
    };
    expect(await found()).toEqual({ problems: [], remarks: [[4, 'cut-short']] });
    const record = await history.append({ ...anEntry, runId: 'after' });
    expect(record).toMatchObject({
      sequence: 4,
      previous: history.records[2]?.hash,
      found: { fragment: sha256(`${fragment}\n`) },
    });
    expect(linesOf(history).slice(3)).toEqual([fragment, recordLine(record)]);
    expect(await found()).toEqual({ problems: [], remarks: [[4, 'cut-short']] });
    expect((await history.read()).records).toEqual([...history.records, record]);
    const next = await history.append(anEntry);
    expect(next.found).toBeUndefined();
    expect(await found()).toEqual({ problems: [], remarks: [[4, 'cut-short']] });
  });

  it('several times in a row', async () => {
    const history = historyWith(3);
    appendFileSync(history.path, fragment);
    await history.append(anEntry);
    appendFileSync(history.path, fragment);
    expect(await history.append(anEntry)).toMatchObject({ sequence: 5 });
    const { problems, remarks } = await history.read();
    expect(problems).toEqual([]);
    expect(remarks.map(({ line }) => line)).toEqual([4, 6]);
  });

  it('is evidence from then on: no byte of it can change or go', async () => {
    const history = historyWith(3);
    appendFileSync(history.path, fragment);
    await history.append(anEntry);
    await history.append(anEntry);
    const whole = readFileSync(history.path);
    const from = whole.indexOf(fragment, history.records.map(recordLine).join('\n').length);
    for (let at = from; at <= from + fragment.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(history.path, changed);
      expect(await history.verify(), String(at)).not.toEqual([]);
    }
    const without = [whole.subarray(0, from), whole.subarray(from + fragment.length + 1)];
    writeFileSync(history.path, Buffer.concat(without));
    expect(await history.verify()).toMatchObject([{ line: 4, kind: 'missing' }]);
    writeFileSync(
      history.path,
      Buffer.concat([without[0] ?? whole, Buffer.from('\n'), whole.subarray(from)]),
    );
    expect(await history.verify()).toMatchObject([{ line: 4, kind: 'changed' }]);
  });

  it('of a history that has no record yet', async () => {
    const history = emptyHistory();
    mkdirSync(dirname(history.path));
    writeFileSync(history.path, fragment);
    expect(await history.append(anEntry)).toMatchObject({ sequence: 1 });
    expect(await history.verify()).toEqual([]);
  });

  it('a record whose line feed alone is missing is a record', async () => {
    const history = historyWith(3);
    truncateSync(history.path, statSync(history.path).size - 1);
    expect(await history.append(anEntry)).toMatchObject({ sequence: 4 });
    expect(await history.verify()).toEqual([]);
  });
});

describe('a history that was destroyed is not continued:', () => {
  const cases: readonly (readonly [string, (history: TestHistory) => void])[] = [
    [
      'its last record is changed',
      ({ path, text }) => {
        writeFileSync(path, text().replace(/stolen(?!.*stolen)/s, 'broken'));
      },
    ],
    [
      'its last line is rubbish',
      ({ path }) => {
        appendFileSync(path, 'rubbish\n');
      },
    ],
    [
      'it is a line of something else',
      ({ path }) => {
        writeFileSync(path, 'rubbish\n');
      },
    ],
    [
      'it is something else altogether',
      ({ path }) => {
        writeFileSync(path, Buffer.alloc(200_000));
        appendFileSync(path, '\n');
      },
    ],
  ];

  it.each(cases)('%s', async (_, destroy) => {
    const history = historyWith(3);
    destroy(history);
    const before = readFileSync(history.path);
    const failure = await history.append(anEntry).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FailedError);
    expect(failure).toMatchObject({
      message: `the history ${history.path} cannot be continued: its last line is not a record`,
      hint: 'Run `sessionctl history --verify` to see what is wrong. To begin a new history, move this file away.',
    });
    expect(readFileSync(history.path)).toEqual(before);
    expect(await history.verify()).not.toEqual([]);
  });

  it('moved away, a new one begins', async () => {
    const history = historyWith(3);
    rmSync(history.path);
    expect(await history.append(anEntry)).toMatchObject({ sequence: 1 });
    expect(await history.verify()).toEqual([]);
  });
});

describe('where it cannot be written', () => {
  const failing = async (history: TestHistory, why: string) => {
    await expect(history.append(anEntry)).rejects.toThrow(
      expect.objectContaining({
        name: 'FailedError',
        message: `the history ${history.path} cannot be written: ${why}`,
        hint: 'Free space or set XDG_STATE_HOME to a writable directory.',
      }),
    );
  };

  it('a file is in the place of its directory', async () => {
    const history = emptyHistory();
    writeFileSync(dirname(history.path), '');
    await failing(history, 'a file is in the place of its directory');
  });

  it('a file is in the place of the directory above', async () => {
    const history = emptyHistory();
    rmSync(history.stateHome, { recursive: true });
    writeFileSync(history.stateHome, '');
    await failing(history, 'a file is in the place of its directory');
  });

  it('it is a directory', async () => {
    const history = emptyHistory();
    mkdirSync(history.path, { recursive: true });
    await failing(history, 'it is a directory');
    expect(readdirSync(dirname(history.path))).toEqual(['history.jsonl']);
  });

  it.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')(
    'the disk is full (needs root)',
    async () => {
      const history = emptyHistory();
      mkdirSync(dirname(history.path));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dirname(history.path)]);
      onTestFinished(() => {
        execFileSync('umount', [dirname(history.path)]);
      });
      const filler = join(dirname(history.path), 'filler');
      execFileSync('sh', ['-c', 'cat /dev/zero >"$0" 2>&1 || true', filler]);
      await failing(history, 'there is no space left');
      rmSync(filler);
      expect(await history.append(anEntry)).toMatchObject({ sequence: 1 });
      expect(await history.verify()).toEqual([]);
    },
  );

  it.skipIf(process.platform === 'win32')(
    'the disk takes a part of the record, which is taken back',
    async () => {
      const history = emptyHistory();
      const script = 'ulimit -f 4 && exec "$@"';
      const { stdout } = await runProgram(
        'sh',
        ['-c', script, 'sh', process.execPath, ...appending('filling', 100)],
        { env: { XDG_STATE_HOME: history.stateHome } },
      );
      expect(stdout).toMatch(/^\.+FailedError: the history .* cannot be written: it is as large as a file may be$/);
      const { records, problems } = await history.read();
      expect(problems).toEqual([]);
      expect(records).toHaveLength(stdout.indexOf('F'));
      expect(await history.append(anEntry)).toMatchObject({ sequence: records.length + 1 });
      expect(await history.verify()).toEqual([]);
    },
  ); // prettier-ignore

  it.skipIf(isAllPowerful)('the directory is not ours', async () => {
    const history = historyWith(1);
    chmodSync(history.stateHome, 0o755);
    chmodSync(dirname(history.path), 0o555);
    onTestFinished(() => {
      chmodSync(dirname(history.path), 0o755);
    });
    // The file itself is; the lock beside it cannot be made.
    chmodSync(history.path, 0o666);
    const said = await runProgram(process.execPath, appending('nobody', 1), {
      ...unprivileged,
      env: { XDG_STATE_HOME: history.stateHome },
    });
    expect(said.stdout).toBe(`FailedError: the history ${history.path} cannot be written: permission denied`);
    expect(linesOf(history)).toHaveLength(1);
  });

  it.skipIf(isAllPowerful)('the file is read-only', async () => {
    const history = historyWith(1);
    chmodSync(history.stateHome, 0o755);
    chmodSync(history.path, 0o444);
    if (unprivileged.uid !== undefined) chownSync(dirname(history.path), unprivileged.uid, unprivileged.uid);
    const said = await runProgram(process.execPath, appending('nobody', 1), {
      ...unprivileged,
      env: { XDG_STATE_HOME: history.stateHome },
    });
    expect(said.stdout).toBe(`FailedError: the history ${history.path} cannot be written: permission denied`);
    expect(linesOf(history)).toHaveLength(1);
  });
});

describe('reading', () => {
  it('of a history that is not there gives nothing and makes nothing', async () => {
    const history = emptyHistory();
    expect(await history.read()).toEqual({ records: [], problems: [], remarks: [] });
    expect(readdirSync(history.stateHome)).toEqual([]);
  });

  it('says why it cannot', async () => {
    const history = emptyHistory();
    mkdirSync(history.path, { recursive: true });
    await expect(history.read()).rejects.toThrow(
      expect.objectContaining({
        name: 'FailedError',
        message: `the history ${history.path} cannot be read: it is a directory`,
      }),
    );
  });
});
