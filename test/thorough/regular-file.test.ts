import { execFileSync } from 'node:child_process';
import {
  lchownSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../config/temporary-directory.ts';
import { runMain } from '../support/fake-system.ts';

const STRANGER = 4711;

const configFor = (line: string) => `[profiles.p]\nurl = "sqlite:auth.db"\n${line}\n`;

/** Every file that sessionctl reads or writes, and a command that does. */
const places: Readonly<
  Record<string, { readonly file: string; readonly words: readonly string[]; readonly config?: string }>
> = {
  'a configuration': { file: 'named.toml', words: ['--config', 'named.toml', 'config', 'show'] },
  'an env_file': {
    file: 'app.env',
    words: ['list'],
    config: '[profiles.p]\nurl = "${DB}"\nenv_file = "app.env"\n',
  },
  'a url_file': { file: 'url', words: ['list'], config: '[profiles.p]\nurl_file = "url"\n' },
  'a certificate': { file: 'ca.pem', words: ['list'], config: configFor('tls.ca = "ca.pem"') },
  'an auth.ts': {
    file: 'auth.ts',
    words: ['config', 'init', '--url', 'sqlite:auth.db', '--auth', 'auth.ts', '--no-input'],
  },
  'the metrics': {
    file: 'sweep.prom',
    words: ['sweep', '--metrics-file', 'sweep.prom'],
    config: configFor(''),
  },
  'the history': { file: 'state/sessionctl/history.jsonl', words: ['history'], config: configFor('') },
  'the history, to write': {
    file: 'state/sessionctl/history.jsonl',
    words: ['sweep'],
    config: configFor(''),
  },
};

function laidOut(name: string) {
  const place = places[name];
  if (place === undefined) throw new Error(`no place is called ${name}`);
  const { path, write } = temporaryDirectory();
  if (place.config !== undefined) write('sessionctl.toml', place.config);
  const file = join(path, place.file);
  mkdirSync(dirname(file), { recursive: true });
  const run = async () => {
    await runMain(['demo', '--force', '--users', '5', 'auth.db'], { cwd: path });
    return runMain(place.words, { cwd: path, env: { XDG_STATE_HOME: join(path, 'state') } });
  };
  return { path, file, write, run };
}

describe.each(Object.keys(places))('%s', (name) => {
  it('that is a named pipe is refused at once', async () => {
    const { file, run } = laidOut(name);
    execFileSync('mkfifo', [file]);
    const { code, stderr } = await run();
    expect(stderr).toContain('it is not a regular file');
    expect([1, 3]).toContain(code);
  });

  it('that is a device is refused', async () => {
    const { file, run } = laidOut(name);
    symlinkSync('/dev/zero', file);
    const { code, stderr } = await run();
    expect(stderr).toContain('it is not a regular file');
    expect([1, 3]).toContain(code);
  });

  // The metrics take the place of what is there, so that a link leads nowhere.
  it.skipIf(process.getuid?.() !== 0 || name === 'the metrics')(
    'that is a link of another user is not followed (needs root)',
    async () => {
      const { file, write, run } = laidOut(name);
      const target = write('target', '');
      symlinkSync(target, file);
      lchownSync(file, STRANGER, STRANGER);
      const { code, stderr } = await run();
      expect(stderr).toContain('it is a symbolic link of another user');
      expect([1, 3]).toContain(code);
      expect(readFileSync(target, 'utf8')).toBe('');
    },
  );
});

it.each(['a configuration', 'an env_file', 'a url_file', 'a certificate', 'an auth.ts'])(
  '%s that is too large is refused',
  async (name) => {
    const { file, run } = laidOut(name);
    writeFileSync(file, '');
    truncateSync(file, 5_000_001);
    const { code, stderr } = await run();
    expect(stderr).toMatch(/larger than \d MB/);
    expect(code).toBe(3);
  },
);

it('metrics take the place of a link, and leave what it leads to alone', async () => {
  const { file, write, run } = laidOut('the metrics');
  const target = write('target', 'as it was');
  symlinkSync(target, file);
  expect((await run()).code).toBe(0);
  expect(readFileSync(target, 'utf8')).toBe('as it was');
  expect(readFileSync(file, 'utf8')).toContain('sessionctl_sweep');
  rmSync(file);
});
