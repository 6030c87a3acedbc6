import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const STRANGER = 4711;
const isRoot = process.getuid?.() === 0;

/** A configuration whose use would show: it runs a command that leaves a file behind. */
function planted() {
  const directory = temporaryDirectory();
  const mark = join(directory.path, 'ran');
  const config = directory.write(
    'sessionctl.toml',
    `[profiles.p]\nurl_command = "touch '${mark}'; echo sqlite:/nowhere/a.db"\n`,
  );
  const below = join(directory.path, 'a', 'b');
  mkdirSync(below, { recursive: true, mode: 0o755 });
  return { directory: directory.path, config, below, mark };
}

const commands = [
  ['list'],
  ['config', 'show'],
  ['config', 'check'],
  ['config', 'path'],
  ['sweep', '--dry-run'],
  ['doctor'],
];

async function expectRefusal(cwd: string, what: RegExp, mark: string) {
  for (const words of commands) {
    const { code, stdout, stderr } = await runMain(words, { cwd });
    expect({ code, stdout }, words.join(' ')).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(what);
    expect(stderr).toMatch(/owner \d+, mode \d{4}\)/);
    expect(stderr).toContain('--config');
  }
  expect(() => execFileSync('test', ['-e', mark])).toThrow();
  const { stdout } = await runMain(['completion', 'bash', '--', 'list', '--profile', ''], { cwd });
  expect(stdout).not.toContain('p');
}

describe('a configuration that was found and that another user could have written is not used', () => {
  it('as the file can be written by every user', async () => {
    const { config, below, mark } = planted();
    chmodSync(config, 0o666);
    await expectRefusal(below, /sessionctl\.toml can be written by every user/, mark);
  });

  it('as its directory, or one below it, can be written by every user', async () => {
    for (const place of ['.', 'a', 'a/b']) {
      const { directory, below, mark } = planted();
      chmodSync(join(directory, place), 0o777);
      await expectRefusal(below, /sessionctl\.toml is not used: .* can be written by every user/, mark);
    }
  });

  it.skipIf(!isRoot)(
    'as it, its directory or a link to it belongs to another user (needs root)',
    async () => {
      const file = planted();
      chownSync(file.config, STRANGER, STRANGER);
      await expectRefusal(file.below, /sessionctl\.toml belongs to another user/, file.mark);

      const directory = planted();
      chownSync(directory.directory, STRANGER, STRANGER);
      await expectRefusal(directory.below, /belongs to another user/, directory.mark);

      const link = planted();
      symlinkSync(link.config, join(link.below, 'sessionctl.toml'));
      lchownSync(join(link.below, 'sessionctl.toml'), STRANGER, STRANGER);
      await expectRefusal(link.below, /sessionctl\.toml belongs to another user/, link.mark);
    },
  );

  it.skipIf(!isRoot)('as a group may write it that is not its owner’s own (needs root)', async () => {
    const { config, below, mark } = planted();
    chownSync(config, 0, STRANGER);
    chmodSync(config, 0o664);
    await expectRefusal(below, /can be written by its group/, mark);
  });

  it('in the place of the user’s own configuration, too', async () => {
    const home = temporaryDirectory();
    const config = home.write(
      'sessionctl/config.toml',
      '[profiles.p]\nurl = "sqlite:/nowhere/a.db"\n',
      0o646,
    );
    const { code, stderr } = await runMain(['list'], { env: { XDG_CONFIG_HOME: home.path } });
    expect(code).toBe(3);
    expect(stderr).toContain(`${config} can be written by every user`);
  });
});

describe('a configuration is used', () => {
  it('where it is the user’s own, or was named, with a warning', async () => {
    const { config, below } = planted();
    expect((await runMain(['config', 'path'], { cwd: below })).code).toBe(0);
    chmodSync(config, 0o666);
    const named = await runMain(['config', 'check', '--config', config], { cwd: below });
    expect(named.code).toBe(0);
    expect(named.stderr).toContain(
      `${config} can be written by every user; fix it with: chmod go-w '${config}'`,
    );
    const env = { SESSIONCTL_CONFIG: config };
    expect((await runMain(['config', 'check'], { cwd: below, env })).code).toBe(0);
  });

  it('below a directory such as /tmp, where no other user can replace it', async () => {
    const { directory, below } = planted();
    chmodSync(directory, 0o1777);
    expect((await runMain(['config', 'path'], { cwd: below })).code).toBe(0);
  });

  it.skipIf(!isRoot)('where it belongs to the user behind sudo (needs root)', async () => {
    const { config, directory, below } = planted();
    for (const place of [config, directory, join(directory, 'a'), below])
      chownSync(place, STRANGER, STRANGER);
    chmodSync(config, 0o664);
    const env = { SUDO_UID: String(STRANGER) };
    expect((await runMain(['config', 'path'], { cwd: below, env })).code).toBe(0);
  });
});

it('completion offers no profile name that a shell would run', async () => {
  const directory = temporaryDirectory();
  const names = ['plain', 'with.dot-and_line', '$(touch x)', '`id`', 'a;b', "it's", '-rf', 'größe'];
  directory.write(
    'sessionctl.toml',
    names.map((name) => `[profiles.${JSON.stringify(name)}]\nurl = "sqlite:a.db"\n`).join(''),
  );
  for (const shell of ['bash', 'zsh', 'fish']) {
    const words = ['completion', shell, '--', 'list', '--profile', ''];
    const { stdout } = await runMain(words, { cwd: directory.path });
    expect(stdout).toContain('plain');
    expect(stdout).toContain('with.dot-and_line');
    expect(stdout).toContain('größe');
    expect(stdout).not.toMatch(/touch|`id|a;b|it's|-rf/);
  }
});
