import { expect, it, onTestFinished } from 'vitest';
import { operatorOn } from '../../support/operator.ts';
import { createKeySpace } from '../../support/redis.ts';
import { modes, officialStorage, profileOf, type Mode } from '../../support/secondary.ts';
import { describeOnRedis } from '../../support/servers.ts';
import { returningApp, type Returning, type ReturningShape } from '../../support/ways-back.ts';

const used = async ({ ways }: Returning) => {
  const answers: Record<string, boolean> = {};
  for (const [name, use] of Object.entries(ways)) answers[name] = await use();
  return answers;
};

async function deploy(mode: Mode, apiKeys: ReturningShape['apiKeys'] = {}) {
  const space = createKeySpace();
  const client = space.place.connect();
  const deployment = await returningApp('sqlite', {
    apiKeys,
    options: {
      secondaryStorage: officialStorage(client, space.prefix),
      session: { storeSessionInDatabase: mode !== 'secondary only' },
      verification: { storeInDatabase: mode !== 'secondary only' },
    },
  });
  onTestFinished(async () => {
    client.disconnect();
    await space.drop();
    await deployment.database.drop();
  });
  return {
    ...deployment,
    client,
    space,
    operator: operatorOn(deployment.database.url, profileOf(mode, space)),
  };
}

describeOnRedis('what lets users in again, with verifications in Redis', () => {
  for (const mode of modes.filter((each) => each !== 'preserved'))
    it(`is counted and ended, of these users alone: ${mode}`, async () => {
      const { operator, returning } = await deploy(mode);
      const ada = await returning('ada@example.com');
      const bea = await returning('bea@example.com');
      const words = ['revoke-all', '--user', 'ada@example.com', '--json'];
      const outlives = (stdout: string) => (JSON.parse(stdout) as { readonly outlives: unknown }).outlives;
      const planned = await operator.run([...words, '--dry-run']);
      expect(outlives(planned.stdout)).toMatchObject({
        verifications: { found: 3, ended: 0 },
        'trusted-devices': { found: 1, ended: 0 },
        'device-codes': { found: 1, ended: 0 },
      });
      const included = ['--include', 'device-codes,verifications,trusted-devices,api-keys'];
      const ran = await operator.run([...words, '--yes', ...included]);
      expect(ran.code, ran.stderr).toBe(0);
      expect(outlives(ran.stdout)).toMatchObject({
        verifications: { found: 3, ended: 3 },
        'trusted-devices': { found: 1, ended: 1 },
      });
      expect(Object.values(await used(ada))).not.toContain(true);
      expect(Object.values(await used(bea))).not.toContain(false);
    });

  for (const fallbackToDatabase of [false, true])
    it(`API keys in Redis are counted and disabled, ${fallbackToDatabase ? 'before the' : 'without'} rows`, async () => {
      const { operator, returning, client, space } = await deploy('both', {
        storage: 'secondary-storage',
        fallbackToDatabase,
      });
      const ada = await returning('ada@example.com');
      const bea = await returning('bea@example.com');
      const reported = async (...more: readonly string[]) => {
        const ran = await operator.run(['revoke-all', '--user', 'ada@example.com', '--json', ...more]);
        const { outlives } = JSON.parse(ran.stdout) as {
          readonly outlives: Readonly<Record<string, unknown>>;
        };
        return { code: ran.code, stderr: ran.stderr, apiKeys: outlives['api-keys'] };
      };
      expect(await ada.ways.apiKey()).toBe(true);
      expect((await reported('--dry-run')).apiKeys).toEqual({ found: 1, ended: 0 });

      // What cannot be read may be one of hers.
      const unreadable = `${space.prefix}api-key:by-id:unreadable`;
      await client.set(unreadable, 'no JSON');
      expect(await reported('--yes', '--include', 'api-keys')).toMatchObject({
        code: 6,
        stderr: expect.stringContaining('whether API keys are left is not known') as unknown,
      });
      await client.del(unreadable);
      expect(await ada.ways.apiKey()).toBe(false);
      expect(await bea.ways.apiKey()).toBe(true);

      expect(await reported('--yes', '--include', 'api-keys')).toMatchObject({
        code: 0,
        apiKeys: { found: 0, ended: 0 },
      });
      const cara = await returning('cara@example.com');
      const words = ['revoke-all', '--user', 'cara@example.com', '--json', '--yes', '--include', 'api-keys'];
      const ran = await operator.run(words);
      expect(ran.code, ran.stderr).toBe(0);
      expect(JSON.parse(ran.stdout)).toMatchObject({ outlives: { 'api-keys': { found: 1, ended: 1 } } });
      expect(await cara.ways.apiKey()).toBe(false);
      expect(await bea.ways.apiKey()).toBe(true);
    });
});
