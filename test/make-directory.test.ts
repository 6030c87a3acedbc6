import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeDirectory } from '../src/make-directory.ts';

const directory = mkdtempSync(join(tmpdir(), 'sessionctl-directory-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

test('makes what is missing, for its owner alone, and is content with what is there', async () => {
  const path = join(directory, 'a', 'b', 'c');
  await makeDirectory(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  await makeDirectory(path);
  symlinkSync(path, join(directory, 'link'));
  await makeDirectory(join(directory, 'link', 'd'));
  expect(statSync(join(path, 'd')).isDirectory()).toBe(true);
});

test('several at once', async () => {
  for (let round = 0; round < 100; round += 1) {
    const path = join(directory, String(round), 'a', 'b', 'c');
    await Promise.all(Array.from({ length: 4 }, (_, at) => makeDirectory(join(path, String(at)))));
  }
});

test('a file in the place of a directory', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  await expect(makeDirectory(file)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeDirectory(join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.skipIf(!existsSync('/proc/self'))(
  'a file system that takes no directories',
  { timeout: 5000 },
  async () => {
    await expect(makeDirectory('/proc/nowhere/below')).rejects.toMatchObject({ code: 'ENOENT' });
  },
);
