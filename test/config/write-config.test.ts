import { readdirSync, readFileSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { writeConfigFile } from '../../src/config/write-config.ts';
import { temporaryDirectory } from './temporary-directory.ts';

it('leaves a file alone that has appeared in the meantime', async () => {
  const directory = temporaryDirectory();
  const path = directory.write('sessionctl.toml', 'mine');
  await expect(writeConfigFile(path, 'new', false)).rejects.toThrow(
    `${path} exists already, and was left as it is`,
  );
  expect(readFileSync(path, 'utf8')).toBe('mine');
});

it('makes directories and files for their owner alone', async () => {
  const { path } = temporaryDirectory();
  await writeConfigFile(`${path}/a/b/c.toml`, 'new', false);
  expect(statSync(`${path}/a/b/c.toml`).mode & 0o777).toBe(0o600);
  expect(statSync(`${path}/a/b`).mode & 0o777).toBe(0o700);
});

it('says why it cannot write, and leaves nothing half-written', async () => {
  const directory = temporaryDirectory();
  directory.write('a-file', '');
  await expect(writeConfigFile(`${directory.path}/a-file/c.toml`, 'new', false)).rejects.toThrow(
    `cannot write ${directory.path}/a-file/c.toml: `,
  );
  directory.write('a-directory/placeholder', '');
  await expect(writeConfigFile(`${directory.path}/a-directory`, 'new', true)).rejects.toThrow('cannot write');
  expect(readdirSync(directory.path).sort()).toEqual(['a-directory', 'a-file']);
});
