import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { runMain, type FakeSystemOptions } from './fake-system.ts';

/** A check as `doctor --json` tells of it. */
export interface ToldCheck {
  readonly id: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly result: string;
  readonly inconclusive: boolean;
  readonly explanation: string;
  readonly remedy: { readonly kind: string; readonly text: string } | null;
}

export interface Examined {
  readonly code: number;
  readonly stderr: string;
  readonly stdout: string;
  readonly checks: readonly ToldCheck[];
  /** `id: status` of whatever is not `ok`, in the order of the alphabet. */
  readonly wrong: readonly string[];
  readonly of: (id: string) => ToldCheck;
}

export const appSecret = 'a secret of forty characters for the tests';

/** What an operator says of a deployment who says everything; a section that is given takes the place of these. */
export interface DoctorConfig {
  readonly timeZone?: string | null;
  readonly session?: string;
  readonly auth?: string;
  readonly redis?: string;
  readonly mode?: number;
}

const defaults = {
  session: 'expires_in = "7d"\nupdate_age = "1d"\ncookie_cache = { enabled = false }',
  auth: 'secret = "${TEST_SECRET}"\nbase_url = "http://localhost:3000"',
} as const;

export function writeDoctorConfig({ timeZone = 'UTC', mode = 0o600, ...given }: DoctorConfig = {}): string {
  const { session, auth, redis } = { ...defaults, ...given };
  const path = join(mkdtempSync(join(inject('temporaryDirectory'), 'doctor-')), 'sessionctl.toml');
  const sections = [
    '[profiles.test]\nurl = "${TEST_URL}"',
    ...(timeZone === null ? [] : [`time_zone = "${timeZone}"`]),
    `[profiles.test.session]\n${session}`,
    `[profiles.test.auth]\n${auth}`,
    ...(redis === undefined ? [] : [`[profiles.test.redis]\n${redis}`]),
  ];
  writeFileSync(path, `${sections.join('\n')}\n`);
  chmodSync(path, mode);
  return path;
}

/** Runs `doctor --json` in this process. */
export async function examine(
  url: string,
  config: DoctorConfig = {},
  { words = [], ...options }: FakeSystemOptions & { readonly words?: readonly string[] } = {},
): Promise<Examined> {
  const state = mkdtempSync(join(inject('temporaryDirectory'), 'state-'));
  const outcome = await runMain(['--config', writeDoctorConfig(config), 'doctor', '--json', ...words], {
    ...options,
    env: { XDG_STATE_HOME: state, TEST_URL: url, TEST_SECRET: appSecret, ...options.env },
  });
  if (!outcome.stdout.startsWith('{')) throw new Error(`doctor told nothing: ${outcome.stderr}`);
  const { checks } = JSON.parse(outcome.stdout) as { readonly checks: readonly ToldCheck[] };
  return {
    ...outcome,
    checks,
    wrong: checks
      .filter(({ status }) => status !== 'ok')
      .map(({ id, status }) => `${id}: ${status}`)
      .sort(),
    of: (id) => {
      const found = checks.find((check) => check.id === id);
      if (found === undefined) throw new Error(`doctor has no check ${id}`);
      return found;
    },
  };
}
