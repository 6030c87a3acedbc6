import { expect } from 'vitest';
import type { Account } from './account.ts';
import type { How, Outcome, Scene } from './scene.ts';
import type { Dialect, ServerDialect } from './servers.ts';

const DEFAULT_ROUNDS = 2;
export const rounds = Number(process.env['SESSIONCTL_TEST_ROUNDS'] ?? DEFAULT_ROUNDS);
/** `npm run test:stress`: more of everything, and waits of minutes, after which sessionctl gives up. */
export const isStress = rounds > DEFAULT_ROUNDS;
export const onlyInStress = isStress ? '' : ' (skipped: takes minutes, see npm run test:stress)';

export const servers = ['postgresql', 'mysql'] as const satisfies readonly ServerDialect[];
export const dialects = [...servers, 'sqlite'] as const satisfies readonly Dialect[];

/** What is interfered with. */
export const everyone = ['revoke-all', '--everyone', '--yes', '--json'] as const;
/** Enough for ten batches: as many as it takes, or few that the database takes its time for. */
export const large = isStress
  ? ({ sessions: 20_000, withTokens: 2000 } as const)
  : ({ sessions: 2400, withTokens: 240, slowly: true } as const);
export const middling = isStress
  ? ({ sessions: 12_000, withTokens: 1200 } as const)
  : ({ sessions: 1200, withTokens: 120, slowly: true } as const);
export const small = { sessions: 200, withTokens: 20 } as const;

/** So many milliseconds somebody else holds a lock: longer than a single attempt waits. */
export const HELD = 3000;

/** One line of what happened, with all that is needed to understand a failure. */
export const told = ({ code, report, stderr }: Outcome) => ({
  code,
  stoppedBecause: report?.stoppedBecause,
  remaining: report?.remaining,
  stderr,
});
export const done = (stoppedBecause = 'complete', code = 0, remaining: unknown = 0) => ({
  code,
  stoppedBecause,
  remaining,
  stderr: expect.any(String) as unknown,
});

/** Gives the rights that ending sessions takes where they have tokens. */
export async function allowToEnd(account: Account): Promise<void> {
  await account.grant('DELETE, UPDATE', 'session');
  for (const table of ['oauthAccessToken', 'oauthRefreshToken']) await account.grant('UPDATE', table);
}

/** Everybody is gone, and with them what hung on their sessions. */
export async function expectAllEnded({ crowd }: Scene): Promise<void> {
  expect({ left: await crowd.count(), halfDone: await crowd.halfDone() }).toEqual({ left: 0, halfDone: [] });
}

/** The same command again ends what is left. */
export async function expectToGoOn(scene: Scene): Promise<void> {
  const left = await scene.crowd.count();
  const outcome = await scene.runHere(everyone);
  expect(told(outcome)).toEqual(done());
  expect(outcome.report?.revoked).toBe(left);
  await expectAllEnded(scene);
}

/** The whole crowd is there as it was. */
export async function expectUntouched(scene: Scene, sessions: number): Promise<void> {
  const { crowd } = scene;
  expect({ left: await crowd.count(), halfDone: await crowd.halfDone() }).toEqual({
    left: sessions,
    halfDone: [],
  });
}

/** Of the operator's runs, oldest first. */
export const outcomes = async (scene: Scene) => (await scene.history()).map(({ outcome }) => outcome);

/** It is refused before there is a plan, and looking is not. */
export async function expectReadOnly(scene: Scene, how: How, message: RegExp): Promise<void> {
  const outcome = await scene.run(everyone, how);
  expect(outcome).toMatchObject({ code: 4, stdout: '', stderr: expect.stringMatching(message) as unknown });
  expect(outcome.stderr).not.toMatch(/unexpected|to be ended/);
  expect(await scene.run(['list', '--json', '--limit', '1'], how)).toMatchObject({ code: 0 });
}
