import headless from '@xterm/headless';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { startProgress } from '../../src/output/progress.ts';
import { judgeTerminal } from '../../src/output/styles.ts';
import type { OutputStream } from '../../src/system.ts';
import { fakeSystem } from '../support/fake-system.ts';
import { dangerousIn, hostileText } from './hostile.ts';

interface Setting {
  readonly total?: number;
  readonly quiet?: boolean;
  readonly what?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A terminal of this many columns; without it stderr is a log. */
  readonly columns?: number;
  /** In place of the fake stream. */
  readonly stderr?: OutputStream;
}

function started(setting: Setting = {}) {
  let clock = Date.parse('2026-11-23T14:00:00Z');
  const { columns, env = {} } = setting;
  const fake = fakeSystem({
    now: () => clock,
    env,
    tty: { stderr: columns !== undefined },
    ...(columns === undefined ? {} : { columns }),
  });
  const system = { ...fake.system, stderr: setting.stderr ?? fake.system.stderr };
  const progress = startProgress({
    system,
    terminal: judgeTerminal(system.stderr, env, true),
    quiet: setting.quiet ?? false,
    what: setting.what ?? 'Ending sessions',
    total: setting.total ?? 50_000,
  });
  return {
    progress,
    /** So long after the one before. */
    update: (seconds: number, done: number) => {
      clock += seconds * 1000;
      progress.update(done);
    },
    stderr: fake.stderr,
    lines: () => fake.stderr().split('\n').slice(0, -1),
    screen: () => screenOf(fake.stderr(), columns ?? 80),
  };
}

/** What a terminal shows of it, and whether it had to break a line. */
async function screenOf(text: string, columns: number) {
  const terminal = new headless.Terminal({
    cols: columns,
    rows: 10,
    allowProposedApi: true,
    convertEol: true,
  });
  await new Promise<void>((resolve) => {
    terminal.write(text, resolve);
  });
  const buffer = terminal.buffer.active;
  const rows = Array.from({ length: buffer.length }, (_, row) => buffer.getLine(row));
  const lines = rows.map((line) => line?.translateToString(true) ?? '');
  while (lines.at(-1) === '') lines.pop();
  return { lines, wrapped: rows.some((line) => line?.isWrapped === true), column: buffer.cursorX };
}

describe('in a log', () => {
  it('is a line every five seconds, with the rate and what is left', () => {
    const { progress, update, lines } = started();
    for (const [seconds, done] of [[1, 2_000], [2, 4_000], [1.999, 9_999], [0.001, 10_000], [4, 30_000], [1, 38_000], [4.9, 49_000], [0.1, 50_000]] as const)
      update(seconds, done); // prettier-ignore
    progress.stop();
    expect(lines()).toEqual([
      'Ending sessions: 10,000 of 50,000 (20%), 2,000 a second, about 20 s left',
      'Ending sessions: 38,000 of 50,000 (76%), 5,600 a second, about 3 s left',
      'Ending sessions: 50,000 of 50,000 (100%), 2,400 a second',
    ]);
  });

  it('is nothing at all where the run is shorter', () => {
    const { progress, update, stderr } = started();
    update(1, 20_000);
    update(3.999, 50_000);
    progress.stop();
    expect(stderr()).toBe('');
  });

  it('has the rate of the last seconds only', () => {
    const { update, lines } = started({ total: 1_000_000 });
    for (let second = 1; second <= 10; second += 1) update(1, second * 50_000);
    for (let second = 1; second <= 10; second += 1) update(1, 500_000 + second * 10);
    expect(lines()).toEqual([
      'Ending sessions: 250,000 of 1,000,000 (25%), 50,000 a second, about 15 s left',
      'Ending sessions: 500,000 of 1,000,000 (50%), 50,000 a second, about 10 s left',
      'Ending sessions: 500,050 of 1,000,000 (50%), 10 a second, about 14 h left',
      'Ending sessions: 500,100 of 1,000,000 (50%), 10 a second, about 14 h left',
    ]);
  });

  it.each([
    [6, 30, 1000, '30 of 1,000 (3%), 5 a second, about 4 min left'],
    [60, 30, 1000, '30 of 1,000 (3%), 0.5 a second, about 33 min left'],
    [10, 999, 1000, '999 of 1,000 (99%), 100 a second, about 1 s left'],
    [10, 0, 1000, '0 of 1,000 (0%), 0 a second'],
    [10, 1200, 1000, '1,200, more than the 1,000 expected, 120 a second'],
    [10, 0, 0, '0 of 0 (100%), 0 a second'],
    [10, 1234567, 9_000_000, '1,234,567 of 9,000,000 (13%), 120,000 a second, about 63 s left'],
  ])('after %d s it says of %d of %d: %s', (seconds, done, total, said) => {
    const { update, lines } = started({ total });
    update(seconds, done);
    expect(lines()).toEqual([`Ending sessions: ${said}`]);
  });

  it('goes on when somebody sets the clock back', () => {
    const { update, lines } = started();
    update(-3600, 1_000);
    update(0.5, 2_000);
    update(5, 12_000);
    expect(lines()).toEqual([
      'Ending sessions: 1,000 of 50,000 (2%)',
      'Ending sessions: 12,000 of 50,000 (24%), 2,000 a second, about 19 s left',
    ]);
  });

  it('has every remark at once', () => {
    const { progress, update, lines } = started();
    progress.remark('connection lost, trying again in 2 s');
    update(5, 10);
    progress.remark('connected again');
    progress.stop();
    expect(lines()).toEqual([
      'connection lost, trying again in 2 s',
      'Ending sessions: 10 of 50,000 (0%), 2 a second, about 7 h left',
      'connected again',
    ]);
  });

  it.each<[string, Setting]>([
    ['a pipe that is told to be colourful', { env: { FORCE_COLOR: '1' } }],
    ['a terminal that cannot move its cursor', { columns: 20, env: { TERM: 'dumb' } }],
    ['such a one that is told to be colourful', { columns: 20, env: { TERM: 'dumb', FORCE_COLOR: '1' } }],
    ['a terminal without colours', { columns: 20, env: { NO_COLOR: '1' } }],
  ])('%s is one, too', (_, setting) => {
    const { progress, update, stderr } = started(setting);
    update(5, 10_000);
    progress.remark('a remark');
    progress.stop();
    expect(stderr()).toBe(
      'Ending sessions: 10,000 of 50,000 (20%), 2,000 a second, about 20 s left\na remark\n',
    );
  });

  it('is nothing but remarks where it shall be quiet', () => {
    for (const setting of [{}, { columns: 80 }]) {
      const { progress, update, stderr } = started({ ...setting, quiet: true });
      update(60, 10_000);
      progress.remark('connection lost');
      progress.stop();
      expect(stderr()).toBe('connection lost\n');
    }
  });
});

describe('on a terminal', () => {
  it('is one line that changes, and is gone in the end', async () => {
    const { progress, update, screen } = started({ columns: 80 });
    try {
      expect((await screen()).lines).toEqual([
        expect.stringMatching(/^\S Ending sessions: 0 of 50,000 \(0%\)$/),
      ]);
      update(0.9, 5_000);
      await vi.waitFor(async () => {
        // In less than a second a rate is chance.
        expect((await screen()).lines).toEqual([
          expect.stringMatching(/^\S Ending sessions: 5,000 of 50,000 \(10%\)$/),
        ]);
      });
      update(1.1, 12_000);
      await vi.waitFor(async () => {
        expect((await screen()).lines).toEqual([
          expect.stringMatching(/^\S Ending sessions: 12,000 of 50,000 \(24%\), 6,000 a second, 7 s left$/),
        ]);
      });
    } finally {
      progress.stop();
    }
    expect(await screen()).toEqual({ lines: [], wrapped: false, column: 0 });
  });

  it('leaves remarks above it', async () => {
    const { progress, update, screen } = started({ columns: 80 });
    try {
      update(2, 12_000);
      progress.remark('connection lost, trying again in 2 s');
      progress.remark('connected \u001b[2Jagain');
      expect((await screen()).lines).toEqual([
        'connection lost, trying again in 2 s',
        'connected \\x1b[2Jagain',
        expect.stringContaining('12,000 of 50,000'),
      ]);
    } finally {
      progress.stop();
    }
    expect((await screen()).lines).toEqual([
      'connection lost, trying again in 2 s',
      'connected \\x1b[2Jagain',
    ]);
  });

  it.each([1, 5, 20, 45, 66])('never breaks the line at %d columns', async (columns) => {
    const { progress, update, screen, stderr } = started({ columns, what: '日本 sessions' });
    try {
      const before = stderr().length;
      update(2, 12_000);
      await vi.waitFor(() => {
        expect(stderr().length).toBeGreaterThan(before);
      });
      const { lines, wrapped } = await screen();
      expect({ count: lines.length, wrapped }).toEqual({ count: 1, wrapped: false });
      if (columns === 45) expect(lines[0]).toMatch(/^\S 日本 sessions: 12,000 of 50,000 \(24%\), 6,…$/);
    } finally {
      progress.stop();
    }
  });

  it('keeps to a width that changes', async () => {
    const fake = fakeSystem({ tty: { stderr: true }, columns: 80 });
    const { progress, update } = started({ stderr: fake.system.stderr });
    try {
      Object.assign(fake.system.stderr, { columns: 30 });
      update(2, 12_000);
      await vi.waitFor(() => {
        expect(fake.stderr()).toContain('Ending sessions: 12,000 of…');
      });
    } finally {
      progress.stop();
    }
  });

  it('leaves the cursor as it is, so that a run that is killed has nothing to restore', () => {
    const { progress, stderr } = started({ columns: 80 });
    progress.remark('a remark');
    progress.stop();
    expect(stderr()).not.toContain('\u001b[?');
  });

  it('is there in CI as well', () => {
    vi.stubEnv('CI', '1');
    const { progress, stderr } = started({ columns: 80 });
    progress.stop();
    vi.unstubAllEnvs();
    expect(stderr()).toContain('Ending sessions');
  });

  it('leaves stdin alone, where Ctrl-C comes from', () => {
    const { stdin } = process;
    const before = ['isTTY', 'setRawMode'].map(
      (name) => [name, Reflect.get(stdin, name) as unknown] as const,
    );
    const setRawMode = vi.fn(() => stdin);
    Object.assign(stdin, { isTTY: true, setRawMode });
    const resume = vi.spyOn(stdin, 'resume');
    const { progress } = started({ columns: 80 });
    progress.stop();
    Object.assign(stdin, Object.fromEntries(before));
    expect(setRawMode).not.toHaveBeenCalled();
    expect(resume).not.toHaveBeenCalled();
    resume.mockRestore();
  });
});

it('shows nothing of what a terminal would obey', () => {
  fc.assert(
    fc.property(hostileText, hostileText, (what, remark) => {
      const { progress, update, stderr } = started({ what });
      update(5, 1);
      progress.remark(remark);
      progress.stop();
      expect(stderr().match(/\n/g)).toHaveLength(2);
      expect(dangerousIn(stderr().replaceAll('\n', ''))).toEqual([]);
    }),
  );
});

describe.each([{ isTTY: true, columns: 80 }, { isTTY: false }])('a stream that fails: %o', (kind) => {
  const failure = Object.assign(new Error('write EIO'), { code: 'EIO' });
  it.each<[string, OutputStream['write']]>([
    [
      'by throwing',
      () => {
        throw failure;
      },
    ],
    [
      'in its callback',
      (_, callback) => {
        callback?.(failure);
        return true;
      },
    ],
    ['by never taking anything', () => false],
  ])('%s stops nothing', async (_, write) => {
    const writes = vi.fn(write);
    const { progress, update } = started({ stderr: { ...kind, write: writes } });
    update(6, 10_000);
    progress.remark('a remark');
    const soFar = writes.mock.calls.length;
    expect(soFar).toBeGreaterThanOrEqual(2);
    if (kind.isTTY) {
      // The timer of the line writes as well, and nobody would catch what it throws.
      await vi.waitFor(() => {
        expect(writes.mock.calls.length).toBeGreaterThan(soFar);
      });
    }
    update(6, 20_000);
    progress.stop();
  });
});
