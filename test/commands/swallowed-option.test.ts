import { describe, expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';

describe('an option that stands where another one expects its value', () => {
  it('is found behind short options, too', async () => {
    for (const short of ['-o', '-qo']) {
      const { code, stderr } = await runMain(['list', short, '--no-input']);
      expect(code).toBe(2);
      expect(stderr).toContain("--output has no value: '--no-input' follows it");
    }
  });

  it('does not end sessions as in `--reason $EMPTY --dry-run --yes`', async () => {
    const words = ['revoke-all', '--user-agent', 'Firefox', '--reason', '--dry-run', '--yes'];
    const { code, stderr } = await runMain(['--url', 'sqlite:/nowhere/a.db', ...words]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "error: --reason has no value: '--dry-run' follows it\n" +
        "hint: Was a variable empty? If '--dry-run' is the value, write --reason=--dry-run. Nothing was changed.\n",
    );
  });

  it('does not keep an id from beginning with a dash', async () => {
    for (const id of ['-oV1StGXR8Z5jdHi6BmyT', '-qx', '-1', '_-h']) {
      const { stderr } = await runMain(['--url', 'sqlite:/nowhere/a.db', 'list', '--user', id]);
      expect(stderr).not.toContain('has no value');
    }
  });

  it('means something else behind --', async () => {
    const words = ['--url', 'sqlite:/nowhere/a.db', 'revoke', '--yes', '--', '--reason', '--dry-run'];
    expect((await runMain(words)).stderr).not.toContain('has no value');
  });
});
