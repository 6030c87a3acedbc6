import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { manPage } from '../../docs/generate/man-page.ts';
import { reference } from '../../docs/generate/reference.ts';
import { describeUnless } from '../support/servers.ts';

const manPath = new URL('../../man/sessionctl.1', import.meta.url).pathname;

/** `npm run reference` writes both. */
describe('what is written from the help of the program is what it says', () => {
  it('docs/reference.md', async () => {
    await expect(await reference()).toMatchFileSnapshot('../../docs/reference.md');
  });

  it('man/sessionctl.1', async () => {
    await expect(await manPage()).toMatchFileSnapshot('../../man/sessionctl.1');
  });
});

const hasMandoc = spawnSync('mandoc', ['-h']).error === undefined;
if (!hasMandoc && process.env['SESSIONCTL_REQUIRE_SERVERS'] === '1')
  throw new Error('mandoc is missing: install it, as .ci/servers does');

describeUnless(hasMandoc ? undefined : 'mandoc is not installed', 'the man page', () => {
  it('is well formed, and shows options as they are typed', () => {
    expect(spawnSync('mandoc', ['-Tlint', '-Wwarning', manPath], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: '',
    });
    const shown = spawnSync('mandoc', ['-Tutf8', manPath], { encoding: 'utf8' }).stdout.replace(
      new RegExp(`.${String.fromCharCode(8)}`, 'g'),
      '',
    );
    expect(shown).toContain('--impersonated-by <id or email>');
    expect(shown).toContain('sessionctl list --idle-since 30d -o csv > idle.csv');
    expect(readFileSync(manPath, 'utf8')).not.toContain('undefined');
  });
});
