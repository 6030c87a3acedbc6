import { describe, expect, it } from 'vitest';
import { awaitReplicas } from '../../src/sessions/await-replicas.ts';

/** Replicas that are as far behind as the test says, on a clock that only waiting moves. */
function stage(lagAt: (now: number) => number | null, stopAt = Infinity) {
  const stop = new AbortController();
  const asked: number[] = [];
  const remarks: string[] = [];
  let now = 0;
  const pass = (milliseconds: number) => {
    now = Math.min(now + milliseconds, Math.max(now, stopAt));
    if (now >= stopAt) stop.abort('SIGTERM');
  };
  const wait = awaitReplicas(
    {
      lag: () => {
        asked.push(now);
        return stop.signal.aborted ? Promise.reject(new Error('SIGTERM')) : Promise.resolve(lagAt(now));
      },
      close: () => Promise.resolve(),
    },
    {
      maxLag: 10_000,
      pause: (milliseconds) => {
        pass(milliseconds);
        return Promise.resolve();
      },
      signal: stop.signal,
      remark: (text) => remarks.push(text),
      clock: () => now,
    },
  );
  return { wait, pass, asked, remarks };
}

describe('between two batches', () => {
  it.each([null, 0, 10_000])('nobody waits for a lag of %s', async (lag) => {
    const { wait, remarks } = stage(() => lag);
    expect(await wait()).toBe(0);
    expect(remarks).toEqual([]);
  });

  it.each([null, 4000])('what was measured is remembered for a second: %s', async (lag) => {
    const { wait, pass, asked } = stage(() => lag);
    for (let batches = 0; batches < 100; batches += 1) {
      await wait();
      pass(100);
    }
    expect(asked).toEqual([0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000]);
  });

  it('who is too far behind is waited for, and asked less and less often', async () => {
    const { wait, asked, remarks } = stage((now) => 42_000 - now);
    expect(await wait()).toBe(35_150);
    expect(asked).toEqual([0, 1050, 3150, 7150, 11_150, 15_150, 19_150, 23_150, 27_150, 31_150, 35_150]);
    expect(remarks).toEqual(['a replica is 42s behind; waiting until it is at most 10s behind']);
    // The one that was waited for is remembered, too.
    await wait();
    expect(asked).toHaveLength(11);
  });

  it('a wait that lasts is told now and then, and a new one again', async () => {
    const again = 210_000;
    const { wait, pass, remarks } = stage((now) => {
      if (now < 200_000) return now + 10_001;
      return now > again && now < again + 5000 ? 11_000 : 0;
    });
    await wait();
    const waiting = 'waiting until it is at most 10s behind';
    expect(remarks).toEqual([
      `a replica is 11s behind; ${waiting}`,
      `a replica is 74s behind; ${waiting}`,
      `a replica is 3m behind; ${waiting}`,
      `a replica is 4m behind; ${waiting}`,
    ]);
    pass(8000);
    await wait();
    expect(remarks.slice(4)).toEqual([`a replica is 11s behind; ${waiting}`]);
  });

  it('the signal ends the wait, and what fails because of it means nothing', async () => {
    const { wait, pass, asked } = stage(() => 99_000, 5000);
    expect(await wait()).toBe(5000);
    const before = asked.length;
    pass(10_000);
    expect(await wait()).toBe(0);
    expect(asked).toHaveLength(before);
  });

  it('what cannot be known is no small lag', async () => {
    const unknown = new Error('it cannot be known');
    const wait = awaitReplicas(
      { lag: () => Promise.reject(unknown), close: () => Promise.resolve() },
      {
        maxLag: 1000,
        pause: () => Promise.resolve(),
        signal: new AbortController().signal,
        remark: () => undefined,
      },
    );
    await expect(wait()).rejects.toBe(unknown);
  });
});
