import { describe, expect, it } from 'vitest';
import { loadRelease, signIn, signUp } from './application.ts';
import { deploy } from './deployment.ts';
import { nameOf, processesOf, readPlan, type Cell } from './plan.ts';
import { runnerOf } from './runner.ts';

const cells = processesOf(readPlan())[Number(process.env['SESSIONCTL_COMPAT_PROCESS'])] ?? [];
const own = cells.filter(({ adapter }) => adapter === 'own');
const email = 'ada@example.com';

/** Whether the release is this one or an older one. */
function isUpTo({ release }: Cell, limit: string): boolean {
  return release.version.localeCompare(limit, 'en', { numeric: true }) <= 0;
}

interface Listed {
  readonly ipAddress: string | null;
  readonly updatedAt: string;
  readonly lastActiveAt: string;
}

/** What releases do differently, and what that means for whoever ends sessions. */
describe('what releases do differently', () => {
  it.each(own.map((cell) => [nameOf(cell), cell] as const))(
    'an address with its port: %s',
    async (_name, cell) => {
      const deployment = await deploy(await loadRelease(cell.release.directory), cell);
      try {
        const run = runnerOf(cell, deployment);
        const app = deployment.application(7 * 24 * 3600);
        await signUp(app, email);
        const cookie = await signIn(app, email, { ip: '203.0.113.7:61598', userAgent: 'Firefox' });
        const [session] = await run<readonly Listed[]>(['list', '--json']);
        // Up to 1.2.5 the header is stored as it comes.
        if (isUpTo(cell, '1.2.5')) expect(session?.ipAddress).toBe('203.0.113.7:61598');
        else expect(session?.ipAddress).not.toBe('203.0.113.7:61598');
        if (!isUpTo(cell, '1.2.5')) return;
        await run(['revoke-all', '--ip', '203.0.113.0/24', '--yes', '--json']);
        expect(await app.api.getSession({ headers: new Headers({ cookie }) })).toBeNull();
      } finally {
        await deployment.drop();
      }
    },
  );

  it.each(own.map((cell) => [nameOf(cell), cell] as const))('a refresh: %s', async (_name, cell) => {
    const deployment = await deploy(await loadRelease(cell.release.directory), cell);
    try {
      const run = runnerOf(cell, deployment);
      // Each request refreshes.
      const app = deployment.application(7 * 24 * 3600, 0);
      await signUp(app, email);
      const cookie = await signIn(app, email, { ip: '203.0.113.7', userAgent: 'Firefox' });
      const [before] = await run<readonly Listed[]>(['list', '--json']);
      await new Promise((resolve) => setTimeout(resolve, 2100));
      expect(await app.api.getSession({ headers: new Headers({ cookie }) })).not.toBeNull();
      const [after] = await run<readonly Listed[]>(['list', '--json']);
      const moved = (field: 'updatedAt' | 'lastActiveAt') =>
        Date.parse(after?.[field] ?? '') - Date.parse(before?.[field] ?? '');
      expect(moved('lastActiveAt')).toBeGreaterThan(1000);
      // Up to 1.2.8 only the expiry tells.
      if (isUpTo(cell, '1.2.8')) expect(moved('updatedAt')).toBe(0);
      else expect(moved('updatedAt')).toBeGreaterThan(1000);
    } finally {
      await deployment.drop();
    }
  });

  const inRedis = own.filter(({ mode }) => mode !== 'database');
  it.each(inRedis.map((cell) => [nameOf(cell), cell] as const))('a late refresh: %s', async (_name, cell) => {
    const deployment = await deploy(await loadRelease(cell.release.directory), cell);
    try {
      const { space } = deployment;
      if (space === null) throw new Error('no Redis');
      const run = runnerOf(cell, deployment);
      const app = deployment.application(7 * 24 * 3600);
      await signUp(app, email);
      const cookie = await signIn(app, email, { ip: '203.0.113.7', userAgent: 'Firefox' });
      const isIn = async () => (await app.api.getSession({ headers: new Headers({ cookie }) })) !== null;
      const token = /session_token=([^.;]+)\./.exec(decodeURIComponent(cookie))?.[1] ?? '';
      const value = (await space.get(token)) ?? '';
      await run(['revoke-all', '--user', email, '--yes', '--json']);
      expect(await isIn()).toBe(false);
      await space.set(token, value, 3600);
      // From 1.7.16 on the mark refuses it; before that it is back, and another run ends it.
      expect(await isIn()).toBe(isUpTo(cell, '1.7.15'));
      await run(['revoke-all', '--user', email, '--yes', '--json']);
      expect(await isIn()).toBe(false);
    } finally {
      await deployment.drop();
    }
  });
});
