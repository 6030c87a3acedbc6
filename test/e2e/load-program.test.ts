import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { runSessionctl, type RunResult } from '../support/run-sessionctl.ts';

const words = ['help', 'list'];

interface Home {
  readonly path: string;
  readonly cache: string;
  readonly run: (env?: Readonly<Record<string, string>>) => Promise<RunResult>;
}

async function createHome(): Promise<Home> {
  const path = await mkdtemp(join(inject('temporaryDirectory'), 'cache-'));
  return {
    path,
    cache: join(path, '.cache', 'sessionctl', `${process.version}-${process.arch}`),
    // One that is empty counts as unset.
    run: (env = {}) => runSessionctl(words, { env: { HOME: path, XDG_CACHE_HOME: '', ...env } }),
  };
}

interface Kept {
  readonly ino: number;
  readonly bytes: Buffer;
}

async function kept({ cache }: Home): Promise<ReadonlyMap<string, Kept>> {
  const names = await readdir(cache);
  return new Map(
    await Promise.all(
      names.map(async (name) => {
        const file = join(cache, name);
        return [file, { ino: (await stat(file)).ino, bytes: await readFile(file) }] as const;
      }),
    ),
  );
}

describe('what was compiled is kept', () => {
  it('by the first run for the next ones, for this user alone', async () => {
    const home = await createHome();
    const first = await home.run();
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const before = await kept(home);
    expect(before.size).toBeGreaterThan(5);
    for (const path of [home.cache, ...before.keys()]) expect((await stat(path)).mode & 0o077).toBe(0);

    expect(await home.run()).toEqual(first);
    expect(await kept(home)).toEqual(before);
  });

  const faults = {
    'emptied': (file: string) => writeFile(file, ''),
    'cut off': async (file: string, { bytes }: Kept) => writeFile(file, bytes.subarray(0, bytes.length / 2)),
    'longer': (file: string) => appendFile(file, 'x'),
    'damaged at its end': async (file: string, { bytes }: Kept) => {
      const damaged = Buffer.from(bytes);
      const at = Math.floor(bytes.length * 0.9);
      damaged.writeUInt8(bytes.readUInt8(at) ^ 0x55, at);
      await writeFile(file, damaged);
    },
    'one that others may write': (file: string) => chmod(file, 0o666),
  }; // prettier-ignore
  it.each(Object.entries(faults))('%s: it is made again', async (_, spoil) => {
    const home = await createHome();
    const first = await home.run();
    const before = await kept(home);
    for (const [file, each] of before) await spoil(file, each);

    expect(await home.run()).toEqual(first);
    const after = await kept(home);
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [file, { ino }] of after) {
      expect(ino).not.toBe(before.get(file)?.ino);
      expect((await stat(file)).mode & 0o077).toBe(0);
    }
  });

  it('of another build: what is there under its name is not run', async () => {
    const home = await createHome();
    const first = await home.run();
    const [one, other] = [...(await kept(home))];
    if (one === undefined || other === undefined) throw new Error('nothing was kept');
    await writeFile(other[0], one[1].bytes);
    expect(await home.run()).toEqual(first);
  });

  it('in XDG_CACHE_HOME, where that says so', async () => {
    const home = await createHome();
    await home.run({ XDG_CACHE_HOME: join(home.path, 'elsewhere') });
    expect(await readdir(home.path)).toEqual(['elsewhere']);
    await home.run({ XDG_CACHE_HOME: 'relative' });
    expect(await readdir(home.path)).toEqual(['.cache', 'elsewhere']);
  });

  it('nowhere where Node is told to keep nothing, or the home is missing', async () => {
    const home = await createHome();
    expect((await home.run({ NODE_DISABLE_COMPILE_CACHE: '1' })).code).toBe(0);
    expect((await home.run({ HOME: join(home.path, 'nobody', 'home') })).code).toBe(0);
    expect(await readdir(home.path)).toEqual([]);
  });

  it('not where it cannot be: the command does what it does', async () => {
    const home = await createHome();
    await writeFile(join(home.path, '.cache'), '');
    expect(await home.run()).toMatchObject({ code: 0, stderr: '' });
    const other = await createHome();
    await mkdir(join(other.cache, 'x'), { recursive: true });
    await chmod(other.cache, 0o500);
    expect(await other.run()).toMatchObject({ code: 0, stderr: '' });
  });

  it('and an error still says where', async () => {
    const home = await createHome();
    const fail = () =>
      runSessionctl(['list', '--url', 'sqlite:/missing/auth.db', '--verbose'], {
        env: { HOME: home.path, XDG_CACHE_HOME: '' },
      });
    const first = await fail();
    expect(first.stderr).toMatch(/ at .*dist[/\\]sqlite-[\w-]{8}\.cjs:\d+:\d+/);
    expect(await fail()).toEqual(first);
  });
});
